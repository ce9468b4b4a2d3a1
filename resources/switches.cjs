'use strict';

/**
 * What parameters switch on, a file for each in resources/switches/:
 *
 *   functions    of the service
 *   resources    of the stack, and its outputs
 *   extensions   to resources of other files: properties, and what they depend on
 *   statements   more of the policies of other files, by their logical ids
 *
 * A switch that is off leaves nothing in the template. There are no CloudFormation conditions.
 */

const SWITCHES = {
  events: ['events'],
  erasure: ['erasure'],
  'erased-events': ['events', 'erasure'],
  workflow: ['events', 'workflow'],
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

/** Values of a parameter that is off. */
const OFF = ['false', '', 'none', '0'];

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
  const on = [];
  for (const [name, parameters] of Object.entries(SWITCHES)) {
    const values = await Promise.all(parameters.map((each) => resolveVariable(`param:${each}`)));
    if (values.some((value) => String(value) !== 'true')) continue; // from the command line it is text
    on.push(await resolveVariable(`file(resources/switches/${name}.yml)`));
  }
  const all = merged(on);
  return {
    names: await switchedOn(resolveVariable),
    functions: all.functions ?? {},
    resources: { Resources: all.resources ?? {}, Outputs: all.outputs ?? {}, extensions: all.extensions ?? {} },
    statements: all.statements ?? {},
  };
};
