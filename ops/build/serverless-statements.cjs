'use strict';

/** Adds to policies the statements of what is switched on (resources/switches.cjs): the framework merges no lists. */
class Statements {
  constructor(serverless) {
    this.hooks = { 'before:package:finalize': () => add(serverless.service) };
  }
}

function add({ custom, resources: { Resources } }) {
  for (const [policy, more] of Object.entries(custom.switches.statements)) {
    Resources[policy].Properties.PolicyDocument.Statement.push(...more);
  }
}

module.exports = Statements;
