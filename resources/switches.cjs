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

/** Each file with all the parameters that switch it on: by any value that is not off, or by one value alone. */
const SWITCHES = {
  removals: ['removals'],
  events: ['events'],
  erasure: ['erasure'],
  'erased-events': ['events', 'erasure'],
  workflow: ['events', 'workflow'],
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

/** Values of a parameter that is off; from the command line it is text. */
const OFF = ['false', '', 'none', '0'];

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

/**
 * The parameters that are on, for the output `Switches`: those whose default is true or a value of OFF, and whose own
 * value is none of OFF. Names alone, as outputs are shown to everybody who may see the stack.
 */
async function switchedOn(resolveVariable) {
  const defaults = await resolveVariable('self:params.default');
  const switches = Object.keys(defaults).filter((name) => [...OFF, 'true'].includes(String(defaults[name])));
  const values = await Promise.all(switches.map((name) => resolveVariable(`param:${name}`)));
  return switches.filter((_, at) => !OFF.includes(String(values[at]))).join(',');
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
    names: await switchedOn(resolveVariable),
    functions: all.functions ?? {},
    resources: { Resources: all.resources ?? {}, Outputs: all.outputs ?? {}, extensions: all.extensions ?? {} },
    statements: all.statements ?? {},
    everywhere: all.everywhere ?? {},
    roles: all.roles ?? {},
  };
};
