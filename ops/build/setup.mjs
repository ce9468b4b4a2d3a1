// Makes a fresh clone ready (a .venv and node_modules), skips what is ready already, and runs a command in it.
//
//   node ops/build/setup.mjs test [pytest's arguments]    lint, types and tests: all of them, whatever failed before
//   node ops/build/setup.mjs lint                         lint and types
//   node ops/build/setup.mjs lock|advisories|checkov|docs|release   the module of ops.build in MODULES_OF
//   node ops/build/setup.mjs COMMAND [arguments]          python -m ops COMMAND, where the caller stands
//
// Only what Node brings is imported, and only syntax that Node 14 can read, so that an old Node can be told what it is.

import { spawn, spawnSync } from 'child_process';
import { createHash } from 'crypto';
import { accessSync, constants as fsConstants, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'fs';
import { constants, homedir } from 'os';
import { dirname, join, relative } from 'path';
import { fileURLToPath } from 'url';

const OLDEST_NODE = [20, 19];
const OLDEST_PYTHON = [3, 11];
const PYTHONS = ['python3.13', 'python3.12', 'python3.11', 'python3', 'python'];
const REQUIREMENTS = 'ops/build/locks/development.txt';

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const VENV = join(ROOT, '.venv');
const PYTHON = join(VENV, 'bin', 'python');
const COMMAND = join(VENV, 'bin', 'darkroom');
const NODE_MODULES = join(ROOT, 'node_modules');
const TSC = join(NODE_MODULES, 'typescript', 'bin', 'tsc');
const LOCK = join(ROOT, '.cache', 'setup.lock');

// The stamp is written last and says what .venv was made from; UNFINISHED says that it was begun and not finished. npm
// ci removes node_modules before it begins, and writes INSTALLED last.
const PYTHON_STAMP = join(VENV, 'darkroom-setup');
const INSTALLED = join(NODE_MODULES, '.package-lock.json');
const UNFINISHED = join(VENV, 'darkroom-setup-unfinished');

// What must be there when all is installed: pip and npm succeed, too, when a setting made them install elsewhere, or
// leave out what is for development.
const MODULES = ['boto3', 'moto', 'mypy', 'PIL', 'pytest', 'ruff', 'typer', 'yaml'];
const NODE_FILES = [TSC, join(NODE_MODULES, '.bin', 'serverless'), join(NODE_MODULES, 'serverless-python-requirements')];

const CHECKS = [
  ['ruff check', PYTHON, ['-m', 'ruff', 'check', '.']],
  ['ruff format', PYTHON, ['-m', 'ruff', 'format', '--check', '.']],
  ['mypy', PYTHON, ['-m', 'mypy']],
  ['tsc', process.execPath, [TSC]],
];

// Commands that ask a registry, need an environment of their own, or are for whoever keeps the project.
const MODULES_OF = {
  lock: 'ops.build.locks',
  advisories: 'ops.build.advisories',
  checkov: 'ops.build.checkov',
  release: 'ops.build.release',
  docs: 'ops.build.site',
};

// Four files of tests at a time, on two cores too: most tests wait for processes, and three at a time leave a quarter of the
// CPU idle. They begin in the order of tests/order.py, not by their number of tests, which says nothing of their time.
// `-n 0` after it runs them one after another.
const SIDE_BY_SIDE = ['-n', '4', '--dist', 'loadfile', '--no-loadscope-reorder'];

// What the shell says of Python, pip, Node and npm is for other projects: PIP_USER=1 breaks an installation,
// NODE_ENV=production leaves half of one out, PYTHONOPTIMIZE takes the assertions away, and PYTHONDONTWRITEBYTECODE has
// the emulator compiled for five seconds at each start. Only the way to a mirror counts, and PYTHON itself. The local
// stack has the same list for its children: ops/local/user_environment.py.
const OF_OTHERS = /^(PYTHON[A-Z_]|PIP_|NODE_|NPM_|VIRTUAL_ENV|CONDA_)/i;
const OF_MIRRORS = new RegExp(
  '^(PIP_(INDEX_URL|EXTRA_INDEX_URL|TRUSTED_HOST|CERT|CLIENT_CERT|PROXY|CACHE_DIR|CONFIG_FILE|FIND_LINKS|NO_INDEX' +
    '|DEFAULT_TIMEOUT|TIMEOUT|RETRIES)|NODE_EXTRA_CA_CERTS' +
    '|NPM_CONFIG_(REGISTRY|PROXY|HTTPS?_PROXY|NOPROXY|CA|CAFILE|CERT|KEY|STRICT_SSL|CACHE|USERCONFIG|GLOBALCONFIG' +
    '|FETCH_.*|MAXSOCKETS|OFFLINE|PREFER_OFFLINE|.*:.*))$',
  'i',
);
for (const name of Object.keys(process.env)) {
  if (OF_OTHERS.test(name) && !OF_MIRRORS.test(name)) delete process.env[name];
}

// The same settings may stand in a configuration file, which a variable overrides.
const PIP_SETTINGS = { PIP_USER: '0', PIP_REQUIRE_VIRTUALENV: '0', PIP_NO_DEPS: '0', PIP_DRY_RUN: '0' };
const NPM_SETTINGS = ['--include=dev', '--include=optional', '--bin-links', '--no-dry-run', '--no-global'];

// For .venv/bin/darkroom, before which nobody reads the list above.
const UNSET = [
  ...['HOME', 'STARTUP', 'OPTIMIZE', 'WARNINGS', 'INSPECT', 'DEBUG', 'VERBOSE', 'DONTWRITEBYTECODE', 'PYCACHEPREFIX'],
  ...['CASEOK', 'EXECUTABLE', 'PLATLIBDIR', 'USERBASE'],
].map((name) => `PYTHON${name}`);

class SetupError extends Error {}

const STOP = ['SIGINT', 'SIGTERM', 'SIGHUP'];
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

async function prepareVenv(wanted, requirements) {
  if (!venvIsReady(wanted, requirements) && !venvIsUsable(wanted)) await makeVenv(wanted || findPython());
}

async function preparePython(wanted, requirements) {
  if (venvIsReady(wanted, requirements)) return;
  say('installing the Python packages; the first time takes a minute');
  const pip = ['-m', 'pip', 'install', '--quiet', '--no-compile', '--disable-pip-version-check', '--require-hashes'];
  await install(PYTHON, [...pip, '-r', join(ROOT, REQUIREMENTS)], `pip install -r ${REQUIREMENTS}`, PIP_SETTINGS);
  checkModules();
  writeFileSync(PYTHON_STAMP, `${requirements} ${versionOf(PYTHON)}`);
  rmSync(UNFINISHED, { force: true });
}

function checkModules() {
  const code = 'import importlib.util as u, sys; sys.exit(" ".join(n for n in sys.argv[1:] if u.find_spec(n) is None) or 0)';
  const asked = spawnSync(PYTHON, ['-I', '-c', code, ...MODULES], { encoding: 'utf8' });
  if (asked.status === 0) return;
  const missing = (asked.stderr || '').trim().split('\n').pop();
  throw new SetupError(
    `pip succeeded, but .venv lacks ${missing}: look for a setting that sends packages elsewhere (pip config list), ` +
      'and run it again.',
  );
}

// The command as people type it: .venv/bin/darkroom, or just darkroom where the .venv is active.
function installCommand() {
  const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;
  const script = `#!/bin/sh\nunset ${UNSET.join(' ')}\nPYTHONPATH=${quoted(ROOT)} exec ${quoted(PYTHON)} -P -m ops "$@"\n`;
  if (read(COMMAND) !== script) writeFileSync(COMMAND, script, { mode: 0o755 });
}

// --- Node ---

// npm writes down what it has installed, whoever called it; what is optional may be for another machine.
function nodeIsReady() {
  const [wanted, installed] = [join(ROOT, 'package-lock.json'), INSTALLED].map(packagesOf);
  if (!wanted || !installed || !NODE_FILES.every(existsSync)) return false;
  return Object.entries(wanted).every(([path, { integrity, optional }]) => {
    const here = installed[path];
    return path === '' || (here ? here.integrity === integrity : optional);
  });
}

function packagesOf(lock) {
  try {
    return JSON.parse(read(lock)).packages;
  } catch {
    return undefined;
  }
}

async function prepareNode() {
  if (nodeIsReady()) return;
  say('installing the Node packages');
  const options = ['--ignore-scripts', '--loglevel=error', ...NPM_SETTINGS];
  await install('npm', ['ci', ...options], 'npm ci');
  const missing = NODE_FILES.filter((path) => !existsSync(path)).map((path) => relative(ROOT, path));
  if (missing.length > 0) {
    throw new SetupError(
      `npm succeeded, but ${missing.join(', ')} is missing: look for a setting that leaves packages out ` +
        '(npm config list), and run it again.',
    );
  }
}

// --- both ---

async function setUp() {
  const wanted = process.env.PYTHON ? findPython() : undefined;
  const requirements = fingerprint([REQUIREMENTS]);
  if (!venvIsReady(wanted, requirements) || !nodeIsReady()) {
    checkHome();
    await alone(async () => {
      await prepareVenv(wanted, requirements);
      await together(preparePython(wanted, requirements), prepareNode());
    });
  }
  installCommand();
}

function checkHome() {
  try {
    mkdirSync(homedir(), { recursive: true });
    accessSync(homedir(), fsConstants.W_OK);
  } catch (error) {
    throw new SetupError(
      `the home folder ${homedir()} cannot be written to (${error.code}), and pip, npm and the Serverless Framework keep ` +
        'their caches in it: set HOME to a folder of yours and run it again.',
    );
  }
}

// When one fails, the other is ended, whose error would only say that.
async function together(...works) {
  const errors = [];
  await Promise.all(works.map((work) => work.catch((error) => {
    errors.push(error);
    endQuiet();
  })));
  if (errors.length > 0) throw errors[0];
}

// Two that begin in a fresh clone would delete each other's folders: the second waits, and then finds all done.
async function alone(work) {
  mkdirSync(dirname(LOCK), { recursive: true });
  for (let waited = false; !take(LOCK); waited = true) {
    const owner = Number(read(LOCK));
    if (!isRunning(owner)) rmSync(LOCK, { force: true });
    else if (!waited) say(`another set-up is at work in this clone (process ${owner}); waiting for it`);
    await new Promise((resolve) => setTimeout(resolve, 100));
    if (interrupted) throw new SetupError('interrupted; the next run continues.');
  }
  try {
    await work();
  } finally {
    rmSync(LOCK, { force: true });
  }
}

function take(lock) {
  try {
    writeFileSync(lock, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

// 0 is a lock that is only just being written.
function isRunning(pid) {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error.code === 'EPERM';
  }
}

// --- processes ---

// pip names every hash that it would have taken, a hundred for some packages: the first and the one it got are enough.
const ANOTHER_HASH = /^\s*Expected +or /;

const quiet = new Set();

function endQuiet() {
  for (const child of quiet) child.kill('SIGINT'); // at any other pip leaves its temporary folders behind
}

// Runs to its end without a word; the last of what it said comes with its exit code.
function quietly(command, args, env = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: ROOT, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    quiet.add(child);
    let words = '';
    const listen = (chunk) => {
      words = (words + chunk).slice(-40_000);
    };
    child.stdout.on('data', listen);
    child.stderr.on('data', listen);
    child.on('error', (error) => reject(new SetupError(`${command} cannot be run (${error.code}): install it and try again.`)));
    child.on('close', (code, signal) => {
      quiet.delete(child);
      resolve({ code: signal || code, words: words.trim() });
    });
  });
}

// When it fails, its last lines say why.
async function install(command, args, title, env = {}) {
  const { code, words } = await quietly(command, args, env);
  if (interrupted) throw new SetupError('interrupted; the next run continues.');
  if (code === 0) return;
  const last = words.split('\n').filter((line) => !ANOTHER_HASH.test(line)).slice(-6).join('\n');
  throw new SetupError(`${title} failed (${code}); fix this and run it again:\n${last}`);
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

// All at once, beside the tests: one of them takes a core for twenty seconds. The titles of those that failed.
async function check() {
  const failed = await Promise.all(CHECKS.map(async ([title, command, args]) => {
    const { code, words } = await quietly(command, args);
    if (interrupted) return [];
    if (code !== 0) process.stderr.write(`${words}\n`);
    say(`${title} ${code === 0 ? 'passed' : 'failed'}`);
    return code === 0 ? [] : [title];
  }));
  return failed.flat();
}

async function test(args) {
  say(`pytest, and beside it ${CHECKS.map(([title]) => title).join(', ')}`);
  const [failed, code] = await Promise.all([
    check(),
    run(PYTHON, ['-m', 'pytest', ...SIDE_BY_SIDE, ...args], IN_ROOT),
  ]);
  if (failed.length > 0) say(`failed: ${failed.join(', ')}`);
  return code || Number(failed.length > 0);
}

// npm changes to the project's folder; the paths that people type are relative to where they stand.
function darkroom(args) {
  const cwd = process.env.INIT_CWD || process.cwd();
  return run(PYTHON, ['-P', '-m', 'ops', ...args], { cwd, env: { PYTHONPATH: ROOT }, signals: ['SIGINT', 'SIGTERM', 'SIGHUP'] });
}

async function main([command, ...args]) {
  checkNode();
  await setUp();
  if (command === 'test') return test(args);
  if (command === 'lint') return Number((await check()).length > 0);
  if (Object.hasOwn(MODULES_OF, command ?? '')) return run(PYTHON, ['-m', MODULES_OF[command], ...args], IN_ROOT);
  return darkroom(command === undefined ? [] : [command, ...args]);
}

// Ctrl-C reaches the children too, and they end first.
for (const signal of STOP) {
  process.on(signal, () => {
    interrupted = true;
    endQuiet();
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
