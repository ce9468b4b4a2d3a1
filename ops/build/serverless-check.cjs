'use strict';

/**
 * Refuses what cannot work before the framework does anything: another framework, no region, no credentials, the local
 * stage anywhere but on this machine, and parameters that ops/build/check.py finds fault with.
 */

const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');

const regionOf = require('../../resources/region.cjs');

const DEPLOYING = ['deploy', 'deploy function'];
const CHECKED = ['package', ...DEPLOYING];
const OFFLINE = ['package', 'print'];
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;
const FRAMEWORK = 'osls';

/** A --param as the framework takes it: it cuts off what is blank at the end. */
const PARAM = /^([^=\s]+)=(.*\S)\s*$/;

/** What an event holds at least, and the smallest one of each function. */
const EVENTS = {
  consumer: ['Records'],
  announcer: ['Records'],
  eraser: ['Records'],
  api: ['httpMethod', 'resource', 'requestContext'],
};
const LEAST = {
  consumer: '{"Records": []}',
  announcer: '{"Records": []}',
  eraser: '{"Records": []}',
  api: '{"httpMethod": "GET", "resource": "/", "requestContext": {"path": "/"}}',
};

class Check {
  /**
   * The framework's own validation knows types and ranges alone, and would answer first: no hook comes before it, and
   * in a plugin's constructor not every variable is resolved yet. So the service's `validate` is begun with ours.
   */
  constructor(serverless) {
    const { command, isHelpRequest } = serverless.processedInput;
    if (isHelpRequest) return;
    refuseAnotherFramework(serverless);
    refuseNoRegion(serverless);
    if (!OFFLINE.includes(command)) refuseLocalStageElsewhere(serverless);

    this.hooks = { initialize: () => begin(serverless, command) };
    const incomplete = takeIncomplete(serverless.processedInput);
    if (!CHECKED.includes(command)) {
      refuseIncomplete(serverless, incomplete);
      return;
    }
    const { service } = serverless;
    const validate = service.validate.bind(service);
    service.validate = () => {
      refuseFaults(serverless, incomplete);
      return validate();
    };
  }
}

async function begin(serverless, command) {
  if (DEPLOYING.includes(command)) await refuseNoCredentials(serverless);
  if (command === 'invoke local') await prepareInvocation(serverless);
}

/** `npx serverless` in a clone without node_modules offers version 4 of serverless.com, which wants a license. */
function refuseAnotherFramework(serverless) {
  const name = packageOf(fs.realpathSync(process.argv[1]));
  if (name === FRAMEWORK) return;
  refuse(serverless, `This is ${name}, not ${FRAMEWORK}, the framework of this service: run npm ci, then npm run deploy -- --stage NAME.`);
}

/** The name of the package that a file is in. */
function packageOf(file) {
  const folder = path.dirname(file);
  if (folder === file) return 'an unknown program';
  const described = path.join(folder, 'package.json');
  const name = fs.existsSync(described) ? JSON.parse(fs.readFileSync(described, 'utf8')).name : undefined;
  return name ?? packageOf(folder);
}

function refuseNoRegion(serverless) {
  if (regionOf(serverless.processedInput)) return; // where it has none, the framework takes us-east-1
  refuse(serverless, 'No AWS region is known: name one with --region, in AWS_REGION, or in your profile (aws configure set region REGION).');
}

/** Its names are those of an emulator, and in an account everybody could guess them. */
function refuseLocalStageElsewhere(serverless) {
  if (stageOf(serverless) !== 'local') return;
  const endpoint = process.env.AWS_ENDPOINT_URL;
  if (URL.canParse(endpoint) && LOOPBACK.test(new URL(endpoint).hostname)) return;
  refuse(serverless, 'The stage local is for the AWS on this machine: run npm run local, or name another --stage.');
}

/** By the framework's own rule, so that every source it knows is asked: keys, profile, SSO, process, token, metadata. */
async function refuseNoCredentials(serverless) {
  const provider = serverless.getProvider('aws');
  try {
    await provider.getAwsSdkV3CredentialsProvider()({ callerClientConfig: { region: provider.getRegion() } });
  } catch (error) {
    const why = String(error.message).replace(/\s*\n\s*/g, ' ');
    refuse(serverless, `No AWS credentials; nothing was packaged: sign in (aws sso login, aws configure) or name a profile in AWS_PROFILE. (${why})`);
  }
}

/**
 * The function runs with this project's Python, on the resources of the deployed stage: the framework resolves no
 * environment variable that is more than a Ref.
 */
async function prepareInvocation(serverless) {
  refuseIncompleteEvent(serverless);
  const outputs = await outputsOf(serverless);
  const known = {
    UPLOADS_BUCKET: outputs.UploadsBucket,
    VARIANTS_BUCKET: outputs.VariantsBucket,
    ERASURES_QUEUE_URL: outputs.ErasuresQueueUrl,
    CDN_URL: outputs.CdnUrl ?? '',
    OPERATORS: '', // the ids of API keys, which no output tells: nobody is one here
  };
  const queues = { consumer: outputs.UploadsQueueUrl, eraser: outputs.ErasuresQueueUrl };
  for (const [called, { environment }] of Object.entries(serverless.service.functions)) {
    for (const name of Object.keys(known)) if (name in environment) environment[name] = known[name];
    if (called in queues) environment.QUEUE_URL = queues[called];
  }
  const venv = path.join(serverless.serviceDir, '.venv');
  if (!process.env.VIRTUAL_ENV && fs.existsSync(venv)) process.env.VIRTUAL_ENV = venv;
}

/** What AWS always sends: without it, the function could only answer with a traceback. */
function refuseIncompleteEvent(serverless) {
  const { function: name, data, path: file } = serverless.processedInput.options;
  const text = data ?? (file ? fs.readFileSync(path.resolve(serverless.serviceDir, file), 'utf8') : '{}');
  const missing = (EVENTS[name] ?? []).filter((each) => !Object.hasOwn(parsed(text), each));
  if (missing.length === 0) return;
  refuse(serverless, `The event has no ${missing.join(', ')}: give all that AWS sends with --data or --path, at least ${LEAST[name]}.`);
}

function parsed(text) {
  try {
    return Object(JSON.parse(text));
  } catch {
    return {};
  }
}

async function outputsOf(serverless) {
  const { DescribeStacksCommand } = require('@aws-sdk/client-cloudformation');
  const provider = serverless.getProvider('aws');
  const stack = provider.naming.getStackName();
  try {
    const client = await provider.getCloudFormationClient();
    const { Stacks } = await client.send(new DescribeStacksCommand({ StackName: stack }));
    return Object.fromEntries(Stacks[0].Outputs.map(({ OutputKey, OutputValue }) => [OutputKey, OutputValue]));
  } catch (error) {
    const why = String(error.message).replace(/\s*\n\s*/g, ' ');
    return refuse(
      serverless,
      `invoke local works on a deployed stage, and ${stack} in ${provider.getRegion()} cannot be read (${why}): ` +
        `run npm run deploy -- --stage ${stageOf(serverless)} first, or name another --stage or --region.`
    );
  }
}

const stageOf = ({ service }) => service.provider.stage;

/**
 * Takes each --param without a name or a value from what the framework reads, or it would fail at every variable and say so
 * for each. It parses its command line again once the plugins are there, and assigns the options anew: hence a property.
 */
function takeIncomplete(input) {
  const before = input.options;
  let options;
  Object.defineProperty(input, 'options', {
    enumerable: true,
    get: () => options,
    set(given) {
      options = given.param ? { ...given, param: given.param.filter((text) => PARAM.test(text)) } : given;
    },
  });
  input.options = before; // other plugins read them before that
  return (before.param ?? []).filter((text) => !PARAM.test(text));
}

function refuseIncomplete(serverless, incomplete) {
  if (incomplete.length === 0) return;
  refuse(serverless, `Without a name or a value: --param ${incomplete.join(', --param ')}. Give both, as in --param memory=3008.`);
}

function refuseFaults(serverless, incomplete) {
  const { custom, provider } = serverless.configurationInput;
  const python = custom.pythonRequirements.pythonBin;
  const run = spawnSync(python, ['-m', 'ops.build.check'], {
    cwd: serverless.serviceDir,
    input: JSON.stringify({
      stage: stageOf(serverless),
      region: provider.region,
      parameters: parameters(serverless),
      incomplete,
    }),
    encoding: 'utf8',
  });
  if (run.status === 0) return;

  refuse(
    serverless,
    run.status === 2
      ? `This configuration is refused; nothing was packaged.\n${run.stderr.trimEnd()}`
      : `ops/build/check.py needs Python 3.11 or later; install it, or name it in PYTHON_BIN. ${python} said:\n` +
          (run.error ?? run.stderr)
  );
}

function refuse(serverless, why) {
  process.on('exit', () => {
    process.exitCode = 2;
  });
  throw new serverless.classes.Error(why);
}

/** As the framework resolves ${param:...}: command line, then the stage's section, then the default one; null is unset. */
function parameters({ configurationInput: { params }, processedInput, service }) {
  const section = (name) => Object.entries(params[name] ?? {}).filter(([, value]) => value !== null);
  const given = (processedInput.options.param ?? []).map((text) => PARAM.exec(text).slice(1));
  return Object.fromEntries([...section('default'), ...section(service.provider.stage), ...given]);
}

module.exports = Check;
