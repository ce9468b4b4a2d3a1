/** Files from the chooser, from a drop anywhere on the page, folders included, or from the clipboard. */

/**
 * @param {object} around
 * @param {HTMLInputElement} around.input
 * @param {HTMLButtonElement} around.button
 * @param {HTMLElement} around.veil shown while files are held over the page
 * @param {() => boolean} around.ready whether files are taken now
 * @param {(files: File[]) => void} around.add
 */
export function takeFiles({ input, button, veil, ready, add }) {
  button.addEventListener('click', () => input.click());
  input.addEventListener('change', () => {
    add([...input.files]);
    input.value = ''; // so that the same files can be chosen again
  });
  addEventListener('paste', (event) => {
    if (ready() && event.clipboardData.files.length > 0) add([...event.clipboardData.files]);
  });
  takeDrops(veil, ready, add);
}

/** @param {HTMLElement} veil @param {() => boolean} ready @param {(files: File[]) => void} add */
function takeDrops(veil, ready, add) {
  let depth = 0; // each element on the way is entered and left
  const show = (/** @type {number} */ now) => {
    depth = Math.max(0, now);
    veil.hidden = depth === 0;
  };
  addEventListener('dragenter', (event) => hasFiles(event) && ready() && show(depth + 1));
  addEventListener('dragleave', (event) => hasFiles(event) && show(depth - 1));
  addEventListener('dragover', (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault(); // or the browser would open the file
    event.dataTransfer.dropEffect = ready() ? 'copy' : 'none';
  });
  addEventListener('drop', async (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    show(0);
    if (ready()) add(await dropped(event.dataTransfer));
  });
}

/** @param {DragEvent} event */
function hasFiles(event) {
  return event.dataTransfer?.types.includes('Files') ?? false;
}

/** @param {DataTransfer} data @returns {Promise<File[]>} */
async function dropped(data) {
  const entries = [...data.items].map((item) => item.webkitGetAsEntry?.()); // now: they are gone after the first await
  const plain = [...data.files];
  if (!entries.some((entry) => entry?.isDirectory)) return plain;
  const found = await Promise.all(entries.filter(Boolean).map(filesBelow));
  return found.flat();
}

/** @param {any} entry @returns {Promise<File[]>} */
async function filesBelow(entry) {
  if (entry.isFile) return [await new Promise((resolve, reject) => entry.file(resolve, reject))];
  const reader = entry.createReader();
  const files = [];
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject)); // a hundred at a time
    if (some.length === 0) return files;
    for (const child of some) if (!child.name.startsWith('.')) files.push(...(await filesBelow(child)));
  }
}
