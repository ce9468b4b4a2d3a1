/** The look of <darkroom-upload>: calm by itself, and changed by the page with custom properties and ::part. */

const CSS = `
:host { display: block; color: var(--darkroom-ink, #211d1a); font: 16px/1.5 system-ui, sans-serif; }
[hidden] { display: none !important; }
p, ul { margin: 0; padding: 0; list-style: none; }
.drop { display: grid; justify-items: center; gap: 12px; padding: 24px; border: 1.5px dashed var(--darkroom-edge, #8c857b); border-radius: 14px; background: var(--darkroom-paper, #fffefc); text-align: center; }
:host([dragged]) .drop { border-color: var(--darkroom-accent, #b8441c); border-style: solid; }
button { min-width: 44px; min-height: 44px; padding: 7px 18px; border: 1px solid var(--darkroom-edge, #8c857b); border-radius: 10px; background: none; color: inherit; font: inherit; cursor: pointer; }
.drop button { border-color: transparent; background: var(--darkroom-ink, #211d1a); color: var(--darkroom-paper, #fffefc); }
button:disabled { opacity: .55; cursor: default; }
:focus-visible { outline: 3px solid var(--darkroom-accent, #b8441c); outline-offset: 2px; }
.notice { margin-top: 12px; padding: 10px 14px; border-radius: 10px; background: #fbf0d5; color: #211d1a; }
li { display: flex; align-items: center; gap: 12px; min-height: 44px; padding: 10px 2px; border-bottom: 1px solid color-mix(in srgb, var(--darkroom-edge, #8c857b) 40%, transparent); }
li > div { flex: 1; min-width: 0; }
.name { overflow: hidden; font-weight: 600; text-overflow: ellipsis; white-space: nowrap; }
.status { font-size: .875rem; overflow-wrap: anywhere; }
progress { appearance: none; display: block; width: 100%; height: 5px; margin-top: 6px; border: 0; border-radius: 3px; overflow: hidden; background: #e4e0d8; }
progress::-webkit-progress-bar { background: #e4e0d8; }
progress::-webkit-progress-value { background: var(--darkroom-accent, #b8441c); }
progress::-moz-progress-bar { background: var(--darkroom-accent, #b8441c); }
`;

/** A style sheet of its own, which a page's Content-Security-Policy allows. */
export function styles() {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(CSS);
  return sheet;
}
