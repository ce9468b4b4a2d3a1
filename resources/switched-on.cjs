'use strict';

/** Values of a parameter that is off; from the command line it is text. */
const OFF = ['false', '', 'none', '0'];

/**
 * The parameters that are on, for the output `Switches` and for the eraser: those whose default is true or a value of
 * OFF, and whose own value is none of OFF. Names alone, as outputs are shown to everybody who may see the stack.
 */
module.exports = async ({ resolveVariable }) => {
  const defaults = await resolveVariable('self:params.default');
  const switches = Object.keys(defaults).filter((name) => [...OFF, 'true'].includes(String(defaults[name])));
  const values = await Promise.all(switches.map((name) => resolveVariable(`param:${name}`)));
  return switches.filter((_, at) => !OFF.includes(String(values[at]))).join(',');
};

module.exports.OFF = OFF;
