'use strict';

/** What of the upload API follows from the parameters: who may call which route, and from where. */

const refusals = require('./api-refusals.cjs');

/** Each takes every method, so that the function, not API Gateway, answers the wrong one. */
const FOR_CALLERS = ['uploads', 'upload', 'images', 'images/{id}', 'images/{id}/{variant}'];
const FOR_ALL = ['/', '{proxy+}'];

const OWN_ORIGIN = 'https://${ApiGatewayRestApi}.execute-api.${AWS::Region}.${AWS::URLSuffix}';

/** The framework's own would add DependsOns that cfn-lint calls redundant. */
const callersAuthorizer = (userPoolArn) => ({
  Type: 'AWS::ApiGateway::Authorizer',
  Properties: {
    Name: 'callers',
    Type: 'COGNITO_USER_POOLS',
    RestApiId: { Ref: 'ApiGatewayRestApi' },
    IdentitySource: 'method.request.header.Authorization',
    ProviderARNs: [userPoolArn],
  },
});

function access(authorizer) {
  switch (authorizer) {
    case 'iam':
      return { authorizer: { type: 'aws_iam' } };
    case 'jwt':
      return { authorizer: { type: 'COGNITO_USER_POOLS', authorizerId: { Ref: 'CallersAuthorizer' } } };
    default:
      return { private: true };
  }
}

const http = (path, method, more = {}) => ({ http: { path, method, ...more } });

module.exports = async ({ resolveVariable }) => {
  // A parameter from the command line is always text
  const text = async (name) => String(await resolveVariable(`param:${name}`));
  const number = async (name) => Number(await text(name));

  const authorizer = await text('authorizer');
  const known = access(authorizer);
  const authorizers = authorizer === 'jwt' ? { CallersAuthorizer: callersAuthorizer(await text('userPoolArn')) } : {};
  const origins = (await text('corsOrigins')).split(',').map((origin) => origin.trim()).filter(Boolean);
  const { Resources, extensions } = refusals(origins);

  return {
    events: [
      ...FOR_CALLERS.map((path) => http(path, 'any', known)),
      ...FOR_CALLERS.map((path) => http(path, 'options')), // a browser asks without a key before it sends one
      ...FOR_ALL.map((path) => http(path, 'any')),
    ],
    resources: { Resources: { ...Resources, ...authorizers }, extensions },
    keys: authorizer === 'api-key' ? [{ name: await resolveVariable('self:custom.apiKeyName') }] : [],
    usagePlan: {
      quota: { limit: await number('apiDailyQuota'), period: 'DAY' },
      throttle: { rateLimit: await number('apiRate'), burstLimit: await number('apiBurst') },
    },
    origins: [{ 'Fn::Sub': OWN_ORIGIN }, ...origins],
    uploadSeconds: 60 * (await number('uploadMinutes')),
    linkSeconds: 60 * (await number('linkMinutes')),
  };
};
