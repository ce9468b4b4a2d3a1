'use strict';

/**
 * `npm run deploy -- --dry-run`: packages as a deployment does, has ops/build/difference.py compare the template with the
 * deployed one, and ends there. Of AWS it only reads: the stack and its template.
 */

const { spawnSync } = require('node:child_process');

const LARGE = 64 * 2 ** 20; // bytes that the comparison may print

class DryRun {
  constructor(serverless) {
    this.commands = {
      deploy: { options: { 'dry-run': { usage: 'Show what would change, and deploy nothing', type: 'boolean' } } },
      'dry-run': { type: 'entrypoint', lifecycleEvents: ['compare'] },
    };
    this.hooks = {
      'before:deploy:deploy': () => instead(serverless),
      'dry-run:compare': () => compare(serverless),
    };
  }
}

/** Ends the lifecycle of the deployment before its first step, and without its words about what was deployed. */
async function instead({ processedInput, pluginManager }) {
  if (!processedInput.options['dry-run']) return;
  processedInput.commands = ['dry-run'];
  await pluginManager.spawn('dry-run', { terminateLifecycleAfterExecution: true });
}

async function compare(serverless) {
  const { service, serviceDir } = serverless;
  const provider = serverless.getProvider('aws');
  const stack = provider.naming.getStackName();
  const deployed = await deployedStack(await provider.getCloudFormationClient(), stack);
  const run = spawnSync(service.custom.pythonRequirements.pythonBin, ['-m', 'ops.build.difference'], {
    cwd: serviceDir,
    input: JSON.stringify({
      stack: `${stack} in ${provider.getRegion()}`,
      deployed,
      packaged: { template: service.provider.compiledCloudFormationTemplate, tags: tagsOf(service) },
    }),
    stdio: ['pipe', 'inherit', 'pipe'],
    encoding: 'utf8',
    maxBuffer: LARGE,
  });
  if (run.status !== 0) throw new serverless.classes.Error(`ops/build/difference.py failed:\n${run.error ?? run.stderr}`);
}

/** With the framework's own tag, which one of that name replaces, whatever its case. */
function tagsOf({ custom, provider }) {
  const { tags } = custom.derived;
  return Object.keys(tags).some((each) => each.toUpperCase() === 'STAGE') ? tags : { STAGE: provider.stage, ...tags };
}

/** The template and tags of the stack, or null where there is none. */
async function deployedStack(client, name) {
  const { DescribeStacksCommand, GetTemplateCommand } = require('@aws-sdk/client-cloudformation');
  try {
    const { Stacks } = await client.send(new DescribeStacksCommand({ StackName: name }));
    const { TemplateBody } = await client.send(new GetTemplateCommand({ StackName: name }));
    return {
      template: JSON.parse(TemplateBody),
      tags: Object.fromEntries((Stacks[0].Tags ?? []).map(({ Key, Value }) => [Key, Value])),
      status: Stacks[0].StackStatus,
    };
  } catch (error) {
    if (error.name === 'ValidationError' && /does not exist/.test(error.message)) return null;
    throw error;
  }
}

module.exports = DryRun;
