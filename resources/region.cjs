'use strict';

/**
 * The region to deploy to: --region, AWS_REGION, AWS_DEFAULT_REGION, the region of the profile; or '', which
 * ops/build/serverless-check.cjs refuses. The command `darkroom` has the same rule (ops/cli/stage.py), held by a test.
 */

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

/** The settings of a profile in an AWS file, whose sections are [name], in the config file [profile name]. */
function profileIn(file, name) {
  if (!fs.existsSync(file)) return {};
  const settings = {};
  let current = '';
  for (const line of fs.readFileSync(file, 'utf8').split(/\r?\n/)) {
    const section = /^\s*\[\s*(?:profile\s+)?["']?(.*?)["']?\s*\]/.exec(line);
    const setting = /^([\w-]+)\s*=\s*(.*?)\s*$/.exec(line); // an indented line belongs to the setting above it
    if (section) [, current] = section;
    else if (setting && current === name) settings[setting[1]] = setting[2];
  }
  return settings;
}

const home = (file) => file.replace(/^~(?=\/)/, os.homedir());

function regionOf(options, env) {
  const profile = options['aws-profile'] || env.AWS_PROFILE || env.AWS_DEFAULT_PROFILE || 'default';
  const files = [
    env.AWS_SHARED_CREDENTIALS_FILE || '~/.aws/credentials', // it may name a region too, and goes before
    env.AWS_CONFIG_FILE || '~/.aws/config',
  ];
  const configured = files.map((file) => profileIn(path.normalize(home(file)), profile).region).find(Boolean);
  return options.region || env.AWS_REGION || env.AWS_DEFAULT_REGION || configured || '';
}

module.exports = ({ options }) => regionOf(options, process.env);
