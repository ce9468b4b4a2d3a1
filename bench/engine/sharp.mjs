// sharp as a child process, in one of two ways: jobs as JSON lines on stdin, their figures on stdout.
import fs from 'node:fs';
import path from 'node:path';
import readline from 'node:readline';
import sharp from 'sharp';
import { blend } from './blending.mjs';

sharp.cache(false);
sharp.concurrency(1); // more threads only add CPU time

const marks = new Map();

/** A mark, decoded once: its pixels in RGBA. */
async function markOf([file, left, top]) {
  if (!marks.has(file)) {
    const { data, info } = await sharp(file).ensureAlpha().raw().toBuffer({ resolveWithObject: true });
    marks.set(file, { pixels: data, width: info.width, height: info.height, left, top });
  }
  return marks.get(file);
}

async function composited([file, left, top]) {
  const { pixels, width, height } = await markOf([file, left, top]);
  return [{ input: pixels, raw: { width, height, channels: 4 }, left, top }];
}

/** Whether the pixels are in sRGB by the name of their profile, in Latin-1 or UTF-16: then nothing is to be converted. */
async function isSrgb(data) {
  const { icc } = await sharp(data).metadata();
  return icc !== undefined && (icc.includes('sRGB') || icc.includes(Buffer.from('\0s\0R\0G\0B', 'latin1')));
}

function written(image, job, effort) {
  if (job.output === 'jpeg') return image.jpeg({ quality: job.quality });
  if (job.output === 'webp') return image.webp({ quality: job.quality, effort: effort ? 2 : 4 });
  if (job.output === 'gif') return image.gif(effort ? { effort: 1 } : {});
  return image.png();
}

const ENGINES = {
  /** As sharp is normally used: one call a variant, with sharp's own defaults. */
  async 'sharp-per-variant'(job, data) {
    const made = {};
    for (const [name, [width, height]] of Object.entries(job.sizes)) {
      let image = sharp(data, { animated: job.moves }).autoOrient().resize(width, height, { fit: 'fill' });
      if (job.marks[name]) image = image.composite(await composited(job.marks[name]));
      made[name] = await written(image, job, false).toBuffer();
    }
    return made;
  },

  /** The best cascade: decoded once, raw pixels between the steps, each variant from the next larger one. */
  async 'sharp-cascade'(job, data) {
    const made = {};
    let larger = null;
    for (const [name, [width, height]] of Object.entries(job.sizes)) {
      if (larger === null || larger.info.width !== width) {
        const image = larger === null ? await opened(job, data) : raw(larger);
        larger = await image.resize(width, height, { fit: 'fill' }).raw().toBuffer({ resolveWithObject: true });
        larger.pageHeight = job.moves ? height : undefined;
      }
      const restore = job.marks[name] ? blend(larger, await markOf(job.marks[name])) : () => {};
      made[name] = await written(raw(larger), job, true).toBuffer();
      restore();
    }
    return made;
  },
};

async function opened(job, data) {
  return sharp(data, { animated: job.moves, ignoreIcc: await isSrgb(data) }).autoOrient().toColourspace('srgb');
}

function raw({ data, info, pageHeight }) {
  const { width, height, channels } = info;
  return sharp(data, { raw: { width, height, channels, pageHeight }, animated: pageHeight !== undefined });
}

const run = ENGINES[process.argv[2]];
for await (const line of readline.createInterface({ input: process.stdin })) {
  const job = JSON.parse(line);
  const data = fs.readFileSync(job.file);
  const before = process.cpuUsage();
  const made = await run(job, data);
  const { user, system } = process.cpuUsage(before);
  if (job.save) {
    for (const [name, content] of Object.entries(made)) {
      fs.writeFileSync(path.join(job.save, `${name}.${job.output}`), content);
    }
  }
  const bytes = Object.fromEntries(Object.entries(made).map(([name, content]) => [name, content.length]));
  const peak = Number(/VmHWM:\s+(\d+)/.exec(fs.readFileSync('/proc/self/status', 'utf8'))[1]) / 1024;
  process.stdout.write(JSON.stringify({ cpu_ms: (user + system) / 1000, bytes, peak_mb: peak }) + '\n');
}
