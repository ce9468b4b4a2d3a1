'use strict';

/**
 * What parameters switch on, a file for each in resources/switches/:
 *
 *   functions    of the service
 *   resources    of the stack, and its outputs
 *   extensions   to resources of other files: properties, and what they depend on
 *   statements   more of the policies and roles of other files, by their logical ids
 *   everywhere   properties of all resources of a type, or of one by its logical id, where it is there; null removes one
 *   roles        statements of every role that a service assumes
 *
 * A switch that is off leaves nothing in the template. There are no CloudFormation conditions.
 */

const { OFF } = require('./switched-on.cjs');

/** Each file with all the parameters that switch it on: by any value that is not off, or by one value alone. */
const SWITCHES = {
  removals: ['removals'],
  events: ['events'],
  erasure: ['erasure'],
  'erased-events': ['events', 'erasure'],
  workflow: ['events', 'workflow'],
  dashboard: ['dashboard'],
  tracing: ['tracing'],
  kms: ['kmsKey'],
  'kms-new': ['kmsKey=new'],
  tiering: ['originalsTieringDays'],
  expiry: ['originalsExpireDays'],
  versioning: ['uploadsVersioning'],
  'access-logs': ['accessLogs'],
  'access-logs-new': ['accessLogs=new'],
  boundary: ['permissionsBoundary'],
  'web-acl': ['webAclArn'],
  'cdn-web-acl': ['cdn', 'cdnWebAclArn'],
  vpc: ['vpcSubnets'],
  'vpc-endpoints': ['vpcRouteTables'],
};

/** The first one with all that the others have: lists get longer, the rest of two of the same name must be objects. */
function merged(parts) {
  const made = {};
  for (const part of parts) {
    for (const [name, value] of Object.entries(part ?? {})) {
      if (!Object.hasOwn(made, name)) made[name] = value;
      else made[name] = Array.isArray(value) ? [...made[name], ...value] : merged([made[name], value]);
    }
  }
  return made;
}

module.exports = async ({ resolveVariable }) => {
  const isOn = async (condition) => {
    const [name, wanted] = condition.split('=');
    const value = String(await resolveVariable(`param:${name}`));
    return wanted === undefined ? !OFF.includes(value) : value === wanted;
  };
  const on = [];
  for (const [name, conditions] of Object.entries(SWITCHES)) {
    if (!(await Promise.all(conditions.map(isOn))).every(Boolean)) continue;
    on.push(await resolveVariable(`file(resources/switches/${name}.yml)`));
  }
  const all = merged(on);
  return {
    functions: all.functions ?? {},
    resources: { Resources: all.resources ?? {}, Outputs: all.outputs ?? {}, extensions: all.extensions ?? {} },
    statements: all.statements ?? {},
    everywhere: all.everywhere ?? {},
    roles: all.roles ?? {},
  };
};
