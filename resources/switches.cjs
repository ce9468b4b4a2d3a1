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

module.exports = async ({ resolveVariable }) => {
  const on = [];
  for (const [name, parameters] of Object.entries(SWITCHES)) {
    const values = await Promise.all(parameters.map((each) => resolveVariable(`param:${each}`)));
    if (values.some((value) => String(value) !== 'true')) continue; // from the command line it is text
    on.push(await resolveVariable(`file(resources/switches/${name}.yml)`));
  }
  const all = merged(on);
  return {
    functions: all.functions ?? {},
    resources: { Resources: all.resources ?? {}, Outputs: all.outputs ?? {}, extensions: all.extensions ?? {} },
    statements: all.statements ?? {},
  };
};
