'use strict';

/** The parts of the upload API that depend on parameters: who can call which route, and from which origins. */

const refusals = require('./api-refusals.cjs');

/** Each accepts every method, so that the function, not API Gateway, responds to an unsupported one. */
const PRIVATE = ['uploads', 'upload', 'images', 'images/{id}', 'images/{id}/{variant}'];
const PUBLIC = ['/', '{proxy+}'];

const OWN_ORIGIN = 'https://${ApiGatewayRestApi}.execute-api.${AWS::Region}.${AWS::URLSuffix}';

/** The Serverless Framework's own would add DependsOn entries that cfn-lint reports as redundant. */
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
  const caller = access(authorizer);
  const authorizers = authorizer === 'jwt' ? { CallersAuthorizer: callersAuthorizer(await text('userPoolArn')) } : {};
  const origins = (await text('corsOrigins')).split(',').map((origin) => origin.trim()).filter(Boolean);
  const { Resources, extensions } = refusals(origins);

  return {
    events: [
      ...PRIVATE.map((path) => http(path, 'any', caller)),
      ...PRIVATE.map((path) => http(path, 'options')), // a preflight request carries no key
      ...PUBLIC.map((path) => http(path, 'any')),
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
