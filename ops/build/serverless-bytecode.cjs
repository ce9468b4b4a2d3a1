'use strict';

/** Has ops/build/bytecode.py add byte code to the zip, after the requirements were put in and before its hash is taken. */

const { spawnSync } = require('node:child_process');
const path = require('node:path');

class ByteCode {
  constructor(serverless) {
    this.hooks = { 'after:package:createDeploymentArtifacts': () => addByteCode(serverless) };
  }
}

function addByteCode(serverless) {
  const { service, serviceDir } = serverless;
  const python = service.custom.pythonRequirements.pythonBin;
  const version = service.provider.runtime.replace('python', '');
  const zip = path.resolve(serviceDir, service.package.artifact ?? path.join('.serverless', `${service.service}.zip`));
  const run = spawnSync(python, ['-m', 'ops.build.bytecode', zip, version], {
    cwd: serviceDir,
    stdio: ['ignore', 'ignore', 'pipe'],
    encoding: 'utf8',
  });
  if (run.status !== 0) throw new serverless.classes.Error(`ops/build/bytecode.py failed:\n${run.error ?? run.stderr}`);
  if (run.stderr) process.stderr.write(run.stderr);
}

module.exports = ByteCode;
