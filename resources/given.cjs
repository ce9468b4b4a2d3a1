'use strict';

const placed = require('./placed.cjs');

/** Parameters whose values are not for everybody who may see the stack: that they were given is said, and no more. */
const PRIVATE = ['alarmEmail'];

/** The parameters that differ from the defaults of serverless.yml, for the output `Parameters`: name and value in JSON. */
module.exports = async ({ resolveVariable }) => {
  const defaults = await resolveVariable('self:params.default');
  const names = Object.keys(defaults).sort();
  const values = await Promise.all(names.map((name) => resolveVariable(`param:${name}`)));
  const given = names.map((name, at) => [name, String(values[at])]).filter(([name, value]) => value !== String(defaults[name]));
  const shown = given.map(([name, value]) => [name, PRIVATE.includes(name) ? '(given)' : value]);
  return placed(JSON.stringify(Object.fromEntries(shown)));
};
