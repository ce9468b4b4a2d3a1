'use strict';

/** Adds to policies and roles the statements of what is switched on (resources/switches.cjs): the framework merges no lists. */
class Statements {
  constructor(serverless) {
    this.hooks = { 'before:package:finalize': () => add(serverless.service) };
  }
}

function add({ custom, resources: { Resources } }) {
  for (const [name, more] of Object.entries(custom.switches.statements)) {
    const { PolicyDocument, Policies } = Resources[name].Properties;
    (PolicyDocument ?? Policies[0].PolicyDocument).Statement.push(...more);
  }
}

module.exports = Statements;
