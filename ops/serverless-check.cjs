'use strict';

/** Has ops/check.py judge the parameters before the framework packages or deploys anything. */

const { spawnSync } = require('node:child_process');

const COMMANDS = ['package', 'deploy', 'deploy function'];

class Check {
  /** In the constructor, because the framework's own validation follows it and stops at types and ranges. */
  constructor(serverless) {
    const { command, isHelpRequest } = serverless.processedInput;
    if (COMMANDS.includes(command) && !isHelpRequest) refuseFaults(serverless);
  }
}

function refuseFaults(serverless) {
  const python = serverless.configurationInput.custom.pythonRequirements.pythonBin;
  const { region } = serverless.configurationInput.provider;
  const run = spawnSync(python, ['-m', 'ops.check'], {
    cwd: serverless.serviceDir,
    input: JSON.stringify({ region, parameters: parameters(serverless) }),
    encoding: 'utf8',
  });
  if (run.status === 0) return;

  process.on('exit', () => {
    process.exitCode = 2;
  });
  throw new serverless.classes.Error(
    run.status === 2
      ? `This configuration is refused; nothing was packaged.\n${run.stderr.trimEnd()}`
      : `ops/check.py needs Python 3.11 or later; install it, or name it in PYTHON_BIN. ${python} said:\n` +
        (run.error ?? run.stderr)
  );
}

/** As the framework resolves ${param:...}: command line, then the stage's section, then the default one. */
function parameters({ configurationInput, processedInput, service }) {
  const sections = configurationInput.params;
  const given = (processedInput.options.param ?? []).map((text) => text.split(/=(.*)/s).slice(0, 2));
  return { ...sections.default, ...sections[service.provider.stage], ...Object.fromEntries(given) };
}

module.exports = Check;
