/** Files from the file chooser, from a drop anywhere on the page (folders too), or from the clipboard. */

/**
 * @param {object} around
 * @param {HTMLInputElement} around.input
 * @param {HTMLButtonElement} around.button
 * @param {HTMLElement} around.veil shown while files are dragged over the page
 * @param {() => boolean} around.ready whether files are accepted now
 * @param {(files: File[]) => void} around.add
 */
export function takeFiles({ input, button, veil, ready, add }) {
  button.addEventListener('click', () => input.click());
  input.addEventListener('change', () => {
    add([...(input.files ?? [])]);
    input.value = ''; // so that the same files can be chosen again
  });
  addEventListener('paste', (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (ready() && files.length > 0) add(files);
  });
  takeDrops(veil, ready, add);
}

/** @param {HTMLElement} veil @param {() => boolean} ready @param {(files: File[]) => void} add */
function takeDrops(veil, ready, add) {
  let depth = 0; // dragenter and dragleave occur for each element
  const show = (/** @type {number} */ now) => {
    depth = Math.max(0, now);
    veil.hidden = depth === 0;
  };
  addEventListener('dragenter', (event) => dragged(event) && ready() && show(depth + 1));
  addEventListener('dragleave', (event) => dragged(event) && show(depth - 1));
  addEventListener('dragover', (event) => {
    const data = dragged(event);
    if (!data) return;
    event.preventDefault(); // or the browser would open the file
    data.dropEffect = ready() ? 'copy' : 'none';
  });
  addEventListener('drop', async (event) => {
    const data = dragged(event);
    if (!data) return;
    event.preventDefault();
    show(0);
    if (ready()) add(await dropped(data));
  });
}

/** The dragged data, if it contains files. @param {DragEvent} event */
function dragged({ dataTransfer: data }) {
  return data?.types.includes('Files') ? data : null;
}

/** @param {DataTransfer} data @returns {Promise<File[]>} */
async function dropped(data) {
  const entries = [...data.items].map((item) => item.webkitGetAsEntry?.()); // before the first await, which clears them
  const plain = [...data.files];
  if (!entries.some((entry) => entry?.isDirectory)) return plain;
  const found = await Promise.all(entries.filter((entry) => !!entry).map(filesBelow));
  return found.flat();
}

/** @param {FileSystemEntry} entry @returns {entry is FileSystemFileEntry} */
const isFile = (entry) => entry.isFile;

/** @param {FileSystemEntry} entry @returns {entry is FileSystemDirectoryEntry} */
const isFolder = (entry) => entry.isDirectory;

/** @param {FileSystemEntry} entry @returns {Promise<File[]>} */
async function filesBelow(entry) {
  if (isFile(entry)) return [await new Promise((resolve, reject) => entry.file(resolve, reject))];
  return isFolder(entry) ? filesIn(entry.createReader()) : [];
}

/** @param {FileSystemDirectoryReader} reader */
async function filesIn(reader) {
  /** @type {File[]} */
  const files = [];
  for (;;) {
    /** @type {FileSystemEntry[]} */
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject)); // at most 100 at a time
    if (some.length === 0) return files;
    for (const child of some) if (!child.name.startsWith('.')) files.push(...(await filesBelow(child)));
  }
}
