/** Files from the file chooser, from a drop anywhere on the page (folders too), or from the clipboard. */

/** @typedef {{files: File[], unreadable: {name: string, kind: 'file' | 'folder'}[]}} Chosen */

/**
 * @param {object} around
 * @param {HTMLInputElement} around.input
 * @param {HTMLButtonElement} around.button
 * @param {Window | HTMLElement} around.target where files are dropped and pasted
 * @param {(dragged: boolean) => void} around.dragged called when files are dragged over the target, and when they leave it
 * @param {() => boolean} around.ready whether files are accepted now
 * @param {(chosen: Chosen) => void} around.add
 */
export function takeFiles({ input, button, target, dragged, ready, add }) {
  button.addEventListener('click', () => input.click());
  input.addEventListener('change', () => {
    add({ files: [...(input.files ?? [])], unreadable: [] });
    input.value = ''; // so that the same files can be chosen again
  });
  const on = (/** @type {string} */ name, /** @type {(event: Event) => void} */ listener) => target.addEventListener(name, listener);
  on('paste', (event) => {
    const files = event instanceof ClipboardEvent ? [...(event.clipboardData?.files ?? [])] : [];
    if (ready() && files.length > 0) add({ files, unreadable: [] });
  });
  takeDrops(on, dragged, ready, add);
}

/**
 * @param {(name: string, listener: (event: Event) => void) => void} on
 * @param {(dragged: boolean) => void} dragged
 * @param {() => boolean} ready
 * @param {(chosen: Chosen) => void} add
 */
function takeDrops(on, dragged, ready, add) {
  let depth = 0; // dragenter and dragleave occur for each element
  const show = (/** @type {number} */ now) => {
    depth = Math.max(0, now);
    dragged(depth > 0);
  };
  on('dragenter', (event) => filesOf(event) && ready() && show(depth + 1));
  on('dragleave', (event) => filesOf(event) && show(depth - 1));
  on('mousemove', () => depth > 0 && show(0)); // there is none during a drag: the browser has lost it
  on('dragover', (event) => {
    const data = filesOf(event);
    if (!data) return;
    event.preventDefault(); // or the browser would open the file
    data.dropEffect = ready() ? 'copy' : 'none';
  });
  on('drop', async (event) => {
    const data = filesOf(event);
    if (!data) return;
    event.preventDefault();
    show(0);
    if (ready()) add(await dropped(data));
  });
}

/** The dragged data, if it contains files. @param {Event} event */
function filesOf(event) {
  const data = event instanceof DragEvent ? event.dataTransfer : null;
  return data?.types.includes('Files') ? data : null;
}

/** @param {DataTransfer} data @returns {Promise<Chosen>} */
async function dropped(data) {
  const entries = [...data.items].map((item) => item.webkitGetAsEntry?.()); // before the first await, which clears them
  /** @type {Chosen} */
  const chosen = { files: [...data.files], unreadable: [] };
  if (!entries.some((entry) => entry?.isDirectory)) return chosen;
  chosen.files = [];
  for (const entry of entries) if (entry) await collect(entry, chosen);
  return chosen;
}

/** @param {FileSystemEntry} entry @returns {entry is FileSystemFileEntry} */
const isFile = (entry) => entry.isFile;

/** @param {FileSystemEntry} entry @returns {entry is FileSystemDirectoryEntry} */
const isFolder = (entry) => entry.isDirectory;

/** Add what is at an entry; one that the browser cannot read takes nothing from the others. @param {FileSystemEntry} entry @param {Chosen} chosen */
async function collect(entry, chosen) {
  try {
    if (isFile(entry)) chosen.files.push(await new Promise((resolve, reject) => entry.file(resolve, reject)));
    else if (isFolder(entry)) await collectFrom(entry.createReader(), chosen);
  } catch (error) {
    if (!(error instanceof DOMException)) throw error;
    chosen.unreadable.push({ name: entry.name, kind: entry.isFile ? 'file' : 'folder' });
  }
}

/** @param {FileSystemDirectoryReader} reader @param {Chosen} chosen */
async function collectFrom(reader, chosen) {
  for (;;) {
    /** @type {FileSystemEntry[]} */
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject)); // at most 100 at a time
    if (some.length === 0) return;
    for (const child of some) if (!child.name.startsWith('.')) await collect(child, chosen);
  }
}
