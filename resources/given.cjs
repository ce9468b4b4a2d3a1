'use strict';

const placed = require('./placed.cjs');

/** Parameters whose values are not for everybody who may see the stack: that they were given is said, and no more. */
const PRIVATE = ['alarmEmail'];

const asJson = (entries) => placed(JSON.stringify(Object.fromEntries(entries)));

/**
 * The parameters as they are deployed, name and value in JSON: `given` are those that differ from the defaults of
 * serverless.yml, for the output `Parameters`, and `defaults` the others, for the output `ParameterDefaults`. Another
 * checkout may have other defaults.
 */
module.exports = async ({ resolveVariable }) => {
  const defaults = await resolveVariable('self:params.default');
  const names = Object.keys(defaults).sort();
  const values = await Promise.all(names.map((name) => resolveVariable(`param:${name}`)));
  const all = names.map((name, at) => [name, String(values[at])]);
  const isGiven = ([name, value]) => value !== String(defaults[name]);
  const given = all.filter(isGiven).map(([name, value]) => [name, PRIVATE.includes(name) ? '(given)' : value]);
  return { given: asJson(given), defaults: asJson(all.filter((each) => !isGiven(each))) };
};
