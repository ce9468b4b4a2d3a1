// Makes a fresh clone ready (a .venv and node_modules), skips what is ready already, and runs a command in it.
//
//   node ops/build/setup.mjs test [pytest's arguments]    lint, types and tests: all of them, whatever failed before
//   node ops/build/setup.mjs lint                         lint and types
//   node ops/build/setup.mjs COMMAND [arguments]          python -m ops COMMAND, where the caller stands
//
// Only what Node brings is imported, and only syntax that Node 14 can read, so that an old Node can be told what it is.

import { spawn, spawnSync } from 'child_process';
import { createHash } from 'crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'fs';
import { constants } from 'os';
import { delimiter, dirname, join } from 'path';
import { fileURLToPath } from 'url';

const OLDEST_NODE = [20, 19];
const OLDEST_PYTHON = [3, 11];
const PYTHONS = ['python3.13', 'python3.12', 'python3.11', 'python3', 'python'];
const REQUIREMENTS = ['requirements-dev.txt', 'requirements.txt', 'requirements-base.txt'];

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const VENV = join(ROOT, '.venv');
const PYTHON = join(VENV, 'bin', 'python');
const COMMAND = join(VENV, 'bin', 'darkroom');
const NODE_MODULES = join(ROOT, 'node_modules');
const TSC = join(NODE_MODULES, 'typescript', 'bin', 'tsc');

// Each stamp is written last and tells what its folder was made from. npm ci removes node_modules, stamp and all,
// before it begins; of a .venv begun and not finished UNFINISHED tells.
const PYTHON_STAMP = join(VENV, 'darkroom-setup');
const NODE_STAMP = join(NODE_MODULES, '.darkroom-setup');
const UNFINISHED = join(VENV, 'darkroom-setup-unfinished');

const CHECKS = [
  ['ruff check', PYTHON, ['-m', 'ruff', 'check', '.']],
  ['ruff format', PYTHON, ['-m', 'ruff', 'format', '--check', '.']],
  ['mypy', PYTHON, ['-m', 'mypy']],
  ['tsc', process.execPath, [TSC]],
];

// Two files of tests at a time: most tests wait for processes. `-n 0` after it runs them one after another.
const SIDE_BY_SIDE = ['-n', '2', '--dist', 'loadfile'];

// Whatever the shell says, byte code is kept: without it every process compiles what it imports, the emulator for five
// seconds each time it starts.
delete process.env.PYTHONDONTWRITEBYTECODE;

class SetupError extends Error {}

const STOP = ['SIGINT', 'SIGTERM'];
let interrupted = false;

function say(sentence) {
  process.stderr.write(`darkroom: ${sentence}\n`);
}

function atLeast(version, oldest) {
  const [major, minor] = version.split('.').map(Number);
  return major > oldest[0] || (major === oldest[0] && minor >= oldest[1]);
}

function read(path) {
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}

function fingerprint(names) {
  const hash = createHash('sha256');
  for (const name of names) hash.update(`${name}\0${read(join(ROOT, name))}\0`);
  return hash.digest('hex');
}

function checkNode() {
  if (atLeast(process.versions.node, OLDEST_NODE)) return;
  throw new SetupError(
    `Node ${process.versions.node} is too old: install Node ${OLDEST_NODE.join('.')} or later (https://nodejs.org).`,
  );
}

// --- Python ---

function versionOf(python) {
  const asked = spawnSync(python, ['-c', "import sys; print('%d.%d.%d' % sys.version_info[:3])"], { encoding: 'utf8' });
  return asked.status === 0 ? asked.stdout.trim() : undefined;
}

// The first Python that is new enough; the variable PYTHON, when set, is the only one looked at.
function findPython() {
  const names = process.env.PYTHON ? [process.env.PYTHON] : PYTHONS;
  const found = [];
  for (const name of names) {
    const version = versionOf(name);
    if (version !== undefined && atLeast(version, OLDEST_PYTHON)) return { name, version };
    if (version !== undefined) found.push(`${name} is ${version}`);
  }
  const what = found.length > 0 ? `no Python is new enough (${found.join(', ')})` : `no Python was found (${names.join(', ')})`;
  throw new SetupError(
    `${what}: install Python ${OLDEST_PYTHON.join('.')} or later, or name one in the variable PYTHON.`,
  );
}

function makeVenv(python) {
  if (spawnSync(python.name, ['-c', 'import ensurepip, venv']).status !== 0) {
    const debian = `python${python.version.split('.').slice(0, 2).join('.')}-venv`;
    throw new SetupError(
      `${python.name} (${python.version}) cannot make virtual environments: install its venv module ` +
        `(Debian and Ubuntu: sudo apt install ${debian}).`,
    );
  }
  say(`making .venv with Python ${python.version}`);
  rmSync(VENV, { recursive: true, force: true });
  mkdirSync(VENV);
  writeFileSync(UNFINISHED, '');
  return install(python.name, ['-m', 'venv', VENV], 'python -m venv');
}

// A .venv that somebody made by hand is used as it is; one that an earlier set-up did not finish is made again.
function venvIsUsable(wanted) {
  if (existsSync(UNFINISHED) || !existsSync(PYTHON)) return false;
  const version = versionOf(PYTHON);
  if (version === undefined || (wanted !== undefined && version !== wanted.version)) return false;
  return atLeast(version, OLDEST_PYTHON) && spawnSync(PYTHON, ['-m', 'pip', '--version']).status === 0;
}

// PYTHON, when set, must be the version that the .venv was made with.
function venvIsReady(wanted, requirements) {
  if (!existsSync(PYTHON)) return false;
  const [madeFrom, version] = read(PYTHON_STAMP).split(' ');
  return madeFrom === requirements && (wanted === undefined || version === wanted.version);
}

async function preparePython() {
  const wanted = process.env.PYTHON ? findPython() : undefined;
  const requirements = fingerprint(REQUIREMENTS);
  if (venvIsReady(wanted, requirements)) return;
  if (!venvIsUsable(wanted)) await makeVenv(wanted || findPython());
  say('installing the Python packages; the first time takes a minute');
  const pip = ['-m', 'pip', 'install', '--quiet', '--no-compile', '--disable-pip-version-check', '-r', join(ROOT, REQUIREMENTS[0])];
  await install(PYTHON, pip, 'pip install -r requirements-dev.txt');
  writeFileSync(PYTHON_STAMP, `${requirements} ${versionOf(PYTHON)}`);
  rmSync(UNFINISHED, { force: true });
}

// The command as people type it: .venv/bin/darkroom, or just darkroom where the .venv is active.
function installCommand() {
  const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;
  const script = `#!/bin/sh\nPYTHONPATH=${quoted(ROOT)}\${PYTHONPATH:+:$PYTHONPATH} exec ${quoted(PYTHON)} -P -m ops "$@"\n`;
  if (read(COMMAND) !== script) writeFileSync(COMMAND, script, { mode: 0o755 });
}

// --- Node ---

async function prepareNode() {
  const stamp = fingerprint(['package-lock.json']);
  if (read(NODE_STAMP) === stamp) return;
  say('installing the Node packages');
  await install('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], 'npm ci');
  mkdirSync(NODE_MODULES, { recursive: true });
  writeFileSync(NODE_STAMP, stamp);
}

// --- processes ---

// Runs to its end without a word; when it fails, its last lines say why.
function install(command, args, title) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
    const stop = (signal) => child.kill(signal);
    for (const signal of STOP) process.on(signal, stop);
    let words = '';
    const listen = (chunk) => {
      words = (words + chunk).slice(-4000);
    };
    child.stdout.on('data', listen);
    child.stderr.on('data', listen);
    child.on('error', (error) => reject(new SetupError(`${command} cannot be run (${error.code}): install it and try again.`)));
    child.on('close', (code, signal) => {
      for (const each of STOP) process.off(each, stop);
      if (interrupted) return reject(new SetupError('interrupted; the next run goes on from here.'));
      if (code === 0) return resolve();
      const last = words.trim().split('\n').slice(-6).join('\n');
      return reject(new SetupError(`${title} failed (${signal || code}); fix this and run it again:\n${last}`));
    });
  });
}

// Runs in the foreground with our terminal. Signals are passed on, and this process outlives the child.
function run(command, args, { cwd, env, signals }) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio: 'inherit' });
    const pass = (signal) => child.kill(signal);
    for (const signal of signals) process.on(signal, pass);
    child.on('error', reject);
    child.on('close', (code, signal) => {
      for (const each of signals) process.off(each, pass);
      resolve(signal ? 128 + constants.signals[signal] : code);
    });
  });
}

// The terminal gives Ctrl-C to pytest as well as to us; a second one would break its tear-down off.
const IN_ROOT = { cwd: ROOT, env: {}, signals: ['SIGTERM', 'SIGHUP'] };

async function check() {
  const failed = [];
  for (const [title, command, args] of CHECKS) {
    say(title);
    if ((await run(command, args, IN_ROOT)) !== 0) failed.push(title);
  }
  if (failed.length > 0) say(`failed: ${failed.join(', ')}`);
  return failed.length === 0;
}

async function test(args) {
  const clean = await check();
  say('pytest');
  const code = await run(PYTHON, ['-m', 'pytest', ...SIDE_BY_SIDE, ...args], IN_ROOT);
  return code !== 0 ? code : Number(!clean);
}

// npm changes to the project's folder; the paths that people type are relative to where they stand.
function darkroom(args) {
  const cwd = process.env.INIT_CWD || process.cwd();
  const path = [ROOT, process.env.PYTHONPATH].filter(Boolean).join(delimiter);
  return run(PYTHON, ['-P', '-m', 'ops', ...args], { cwd, env: { PYTHONPATH: path }, signals: ['SIGINT', 'SIGTERM', 'SIGHUP'] });
}

async function main([command, ...args]) {
  checkNode();
  await preparePython();
  installCommand();
  await prepareNode();
  if (command === 'test') return test(args);
  if (command === 'lint') return (await check()) ? 0 : 1;
  return darkroom(command === undefined ? [] : [command, ...args]);
}

// Ctrl-C reaches the children too, and they end first.
for (const signal of STOP) {
  process.on(signal, () => {
    interrupted = true;
  });
}

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error) => {
    if (!(error instanceof SetupError)) throw error;
    say(error.message);
    process.exitCode = interrupted ? 130 : 2;
  },
);
