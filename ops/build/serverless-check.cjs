'use strict';

/** Has ops/build/check.py judge the parameters before the framework packages or deploys anything. */

const { spawnSync } = require('node:child_process');

const COMMANDS = ['package', 'deploy', 'deploy function'];

class Check {
  /**
   * The framework's own validation knows types and ranges alone, and would answer first: no hook comes before it, and
   * in a plugin's constructor not every variable is resolved yet. So the service's `validate` is begun with ours.
   */
  constructor(serverless) {
    const { command, isHelpRequest } = serverless.processedInput;
    if (!COMMANDS.includes(command) || isHelpRequest) return;

    const { service } = serverless;
    const validate = service.validate.bind(service);
    service.validate = () => {
      refuseFaults(serverless);
      return validate();
    };
  }
}

function refuseFaults(serverless) {
  const { custom, provider } = serverless.configurationInput;
  const python = custom.pythonRequirements.pythonBin;
  const run = spawnSync(python, ['-m', 'ops.build.check'], {
    cwd: serverless.serviceDir,
    input: JSON.stringify({ region: provider.region, parameters: parameters(serverless) }),
    encoding: 'utf8',
  });
  if (run.status === 0) return;

  process.on('exit', () => {
    process.exitCode = 2;
  });
  throw new serverless.classes.Error(
    run.status === 2
      ? `This configuration is refused; nothing was packaged.\n${run.stderr.trimEnd()}`
      : `ops/build/check.py needs Python 3.11 or later; install it, or name it in PYTHON_BIN. ${python} said:\n` +
        (run.error ?? run.stderr)
  );
}

/** As the framework resolves ${param:...}: command line, then the stage's section, then the default one; null is unset. */
function parameters({ configurationInput: { params }, processedInput, service }) {
  const section = (name) => Object.entries(params[name] ?? {}).filter(([, value]) => value !== null);
  const given = (processedInput.options.param ?? []).map((text) => text.split(/=(.*)/s).slice(0, 2));
  return Object.fromEntries([...section('default'), ...section(service.provider.stage), ...given]);
}

module.exports = Check;
