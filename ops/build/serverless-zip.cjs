'use strict';

/**
 * Has ops/build/bom.py and ops/build/bytecode.py complete the zip after the requirements were put in and before its hash
 * is taken: they add a bill of materials and byte code, deflate all of it, and make it readable.
 */

const { spawnSync } = require('node:child_process');
const path = require('node:path');

class Zip {
  constructor(serverless) {
    storeRequirements(serverless.serviceDir);
    this.hooks = { 'after:package:createDeploymentArtifacts': () => complete(serverless) };
  }
}

/** The plugin has the requirements deflated in JavaScript, which takes ten seconds: zlib deflates them in one afterwards. */
function storeRequirements(serviceDir) {
  const plugin = require.resolve('serverless-python-requirements', { paths: [serviceDir] });
  const zip = require(require.resolve('jszip', { paths: [plugin] })).prototype;
  const generate = zip.generateNodeStream;
  zip.generateNodeStream = function store(options, ...rest) {
    return generate.call(this, { ...options, compression: 'STORE' }, ...rest);
  };
}

function complete(serverless) {
  const { service, serviceDir } = serverless;
  const zip = path.resolve(serviceDir, service.package.artifact ?? path.join('.serverless', `${service.service}.zip`));
  run(serverless, 'bom', [zip, service.custom.pythonRequirements.fileName]);
  run(serverless, 'bytecode', [zip, service.provider.runtime.replace('python', '')]);
}

function run({ service, serviceDir, classes }, module, args) {
  const done = spawnSync(service.custom.pythonRequirements.pythonBin, ['-m', `ops.build.${module}`, ...args], {
    cwd: serviceDir,
    stdio: ['ignore', 'ignore', 'pipe'],
    encoding: 'utf8',
  });
  if (done.status !== 0) throw new classes.Error(`ops/build/${module}.py failed:\n${done.error ?? done.stderr}`);
  if (done.stderr) process.stderr.write(done.stderr);
}

module.exports = Zip;
