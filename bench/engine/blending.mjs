// A mark on raw pixels, in its own region alone: what a pipeline's composite does to the whole picture.

/**
 * Blend a mark over a picture, in place.
 *
 * @param {{data: Buffer, info: {width: number, channels: number}}} picture 8 bits a channel, RGB or RGBA
 * @param {{pixels: Buffer, width: number, height: number, left: number, top: number}} mark in RGBA
 * @returns {() => void} what restores the picture
 */
export function blend({ data, info }, mark) {
  const bytes = mark.width * info.channels;
  const starts = Array.from({ length: mark.height }, (_, y) => ((mark.top + y) * info.width + mark.left) * info.channels);
  const kept = starts.map((start) => Buffer.from(data.subarray(start, start + bytes)));
  const blendRow = info.channels === 4 ? blendWithAlpha : blendOpaque;
  starts.forEach((start, y) => blendRow(data.subarray(start, start + bytes), mark.pixels, y * mark.width * 4, mark.width));
  return () => starts.forEach((start, y) => kept[y].copy(data, start));
}

function blendOpaque(row, pixels, from, width) {
  for (let x = 0; x < width; x++) {
    const alpha = pixels[from + 4 * x + 3];
    if (alpha === 0) continue;
    for (let band = 0; band < 3; band++) {
      const at = 3 * x + band;
      row[at] = Math.round((pixels[from + 4 * x + band] * alpha + row[at] * (255 - alpha)) / 255);
    }
  }
}

/** Porter and Duff's "over", of colors that are not premultiplied. */
function blendWithAlpha(row, pixels, from, width) {
  for (let x = 0; x < width; x++) {
    const at = 4 * x;
    const above = pixels[from + at + 3];
    if (above === 0) continue;
    const below = (row[at + 3] * (255 - above)) / 255;
    for (let band = 0; band < 3; band++) {
      row[at + band] = Math.round((pixels[from + at + band] * above + row[at + band] * below) / (above + below));
    }
    row[at + 3] = Math.round(above + below);
  }
}
