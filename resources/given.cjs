'use strict';

const placed = require('./placed.cjs');

/** Parameters whose values are not for everybody who may see the stack: that they were given is said, and no more. */
const PRIVATE = ['alarmEmail'];

const asJson = (entries) => placed(JSON.stringify(Object.fromEntries(entries)));

/**
 * Parameters and values in JSON: `given` are those that differ from the defaults of serverless.yml, for the output
 * `Parameters`, and `defaults` all the defaults, for the output `ParameterDefaults`: another checkout may have others.
 */
module.exports = async ({ resolveVariable }) => {
  const defaults = await resolveVariable('self:params.default');
  const names = Object.keys(defaults).sort();
  const values = await Promise.all(names.map((name) => resolveVariable(`param:${name}`)));
  const given = names.map((name, at) => [name, String(values[at])]).filter(([name, value]) => value !== String(defaults[name]));
  const shown = given.map(([name, value]) => [name, PRIVATE.includes(name) ? '(given)' : value]);
  return { given: asJson(shown), defaults: asJson(names.map((name) => [name, String(defaults[name])])) };
};
