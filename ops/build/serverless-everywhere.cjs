'use strict';

/**
 * Gives what is switched on (resources/switches.cjs) to all resources that it concerns, the framework's own among them,
 * so that a resource that somebody adds cannot be forgotten.
 */

const rightsOn = require('../../resources/key-rights.cjs');

const ROLE = 'AWS::IAM::Role';
const POLICIES = ['AWS::IAM::Policy', 'AWS::IAM::ManagedPolicy'];

class Everywhere {
  constructor(serverless) {
    const { service } = serverless;
    this.hooks = {
      'after:aws:package:finalize:mergeCustomProviderResources': () => change(service),
      'before:deploy:deploy': () => tag(service),
      'before:rollback:rollback': () => tag(service),
    };
  }
}

/**
 * CloudFormation passes the stack's tags on to all that can have some. Where serverless.yml says `stackTags`, the framework
 * would change our stage of the API as well, behind CloudFormation's back: it reads the packaged state for that.
 */
function tag({ custom, provider }) {
  provider.stackTags = custom.derived.tags;
}

function change({ custom: { switches, derived }, provider: { compiledCloudFormationTemplate: { Resources } } }) {
  for (const [name, resource] of Object.entries(Resources)) {
    add(resource.Properties, switches.everywhere[resource.Type] ?? {});
    add(resource.Properties, switches.everywhere[name] ?? {});
    if (resource.Type === ROLE) statementsOf(resource)[0].push(...structuredClone(trusting(resource, switches.roles)));
    if (!derived.kmsKey) continue;
    for (const statements of statementsOf(resource)) statements.push(...rightsOn(statements, derived.kmsKey));
  }
}

/** Objects are merged, lists get longer; the framework itself removes what is null. */
function add(properties, more) {
  for (const [name, value] of Object.entries(more)) {
    if (Array.isArray(value) && Array.isArray(properties[name])) properties[name].push(...value);
    else if (isObject(value) && isObject(properties[name])) add(properties[name], value);
    else properties[name] = structuredClone(value);
  }
}

const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);

/** The list of statements of each policy that a role has itself, or that is a resource of its own. */
function statementsOf({ Type, Properties }) {
  if (Type === ROLE) return Properties.Policies.map(({ PolicyDocument }) => PolicyDocument.Statement);
  return POLICIES.includes(Type) ? [Properties.PolicyDocument.Statement] : [];
}

function trusting({ Properties }, roles) {
  const services = Properties.AssumeRolePolicyDocument.Statement.flatMap(({ Principal }) => Principal.Service ?? []);
  return services.flatMap((service) => roles[service] ?? []);
}

module.exports = Everywhere;
