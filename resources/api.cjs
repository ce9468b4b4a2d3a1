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

/** One line of JSON a request; it says nothing of keys, tokens or names of files. */
const ACCESS_LOG = {
  time: '$context.requestTime',
  id: '$context.requestId',
  ip: '$context.identity.sourceIp',
  method: '$context.httpMethod',
  route: '$context.resourcePath',
  status: '$context.status',
  key: '$context.identity.apiKeyId',
  bytes: '$context.responseLength',
  milliseconds: '$context.responseLatency',
};

/** API Gateway writes a route's slashes as ~1, but for the root's. */
const settingsPath = (path) => (path === '/' ? path : `/~1${path.replaceAll('/', '~1')}`);

/** Each method has its own bucket of requests, so strangers at the page take nothing from callers. */
function methodSettings({ callers, everybody, metrics }) {
  const setting = (path, method, { rate, burst }) => ({
    ResourcePath: path,
    HttpMethod: method,
    ThrottlingRateLimit: rate,
    ThrottlingBurstLimit: burst,
    MetricsEnabled: metrics,
  });
  return [
    setting('/*', '*', callers),
    ...PRIVATE.map((path) => setting(settingsPath(path), 'OPTIONS', everybody)),
    ...PUBLIC.map((path) => setting(settingsPath(path), 'ANY', everybody)),
  ];
}

const named = (name) => `ApiKey${name[0].toUpperCase()}${name.slice(1)}`;

/**
 * Keys by name, so that none is made anew when another one goes; resources of ours and not of the framework's, which
 * would number them and print them at each deployment.
 */
function keys(names, { service, stage, throttle, quota }) {
  const key = (name) => [named(name), {
    Type: 'AWS::ApiGateway::ApiKey',
    Properties: { Name: `${service}-${stage}-${name}`, Enabled: true },
  }];
  const inPlan = (name) => [`${named(name)}InPlan`, {
    Type: 'AWS::ApiGateway::UsagePlanKey',
    Properties: { KeyId: { Ref: named(name) }, KeyType: 'API_KEY', UsagePlanId: { Ref: 'ApiUsagePlan' } },
  }];
  const plan = {
    Type: 'AWS::ApiGateway::UsagePlan',
    Properties: {
      UsagePlanName: `${service}-${stage}`,
      Description: 'What each API key may do',
      ApiStages: [{ ApiId: { Ref: 'ApiGatewayRestApi' }, Stage: { Ref: 'ApiGatewayStage' } }],
      Quota: { Limit: quota, Period: 'DAY' },
      Throttle: { RateLimit: throttle.rate, BurstLimit: throttle.burst },
    },
  };
  return { ApiUsagePlan: plan, ...Object.fromEntries([...names.map(key), ...names.map(inPlan)]) };
}

/** As the function knows them: a key by its id, which is given when it is made. */
function operators(names, authorizer) {
  if (authorizer !== 'api-key' || names.length === 0) return names.join(',');
  return { 'Fn::Join': [',', names.map((name) => ({ Ref: named(name) }))] };
}

const http = (path, method, more = {}) => ({ http: { path, method, ...more } });

module.exports = async ({ resolveVariable }) => {
  // A parameter from the command line is always text
  const text = async (name) => String(await resolveVariable(`param:${name}`));
  const number = async (name) => Number(await text(name));
  const isOn = async (name) => (await text(name)) === 'true';
  const list = async (name) => (await text(name)).split(',').map((each) => each.trim()).filter(Boolean);

  const authorizer = await text('authorizer');
  const caller = access(authorizer);
  const authorizers = authorizer === 'jwt' ? { CallersAuthorizer: callersAuthorizer(await text('userPoolArn')) } : {};
  const origins = await list('corsOrigins');
  const service = await resolveVariable('self:service');
  const stage = await resolveVariable('sls:stage');
  const names = authorizer === 'api-key' ? await list('apiKeys') : [];
  const each = { rate: await number('apiRate'), burst: await number('apiBurst') };
  // With keys a route takes what all of them may send, so that none of them can use up what is another's
  const many = Math.max(1, names.length);
  const callers = { rate: many * each.rate, burst: many * each.burst };
  const everybody = { rate: await number('publicRate'), burst: await number('publicBurst') };
  const quota = await number('apiDailyQuota');
  const ofKeys = names.length ? keys(names, { service, stage, throttle: each, quota }) : {};
  const logs = (await isOn('apiAccessLog'))
    ? {
        ApiAccessLogGroup: {
          Type: 'AWS::Logs::LogGroup',
          Properties: {
            LogGroupName: `/aws/api-gateway/${service}-${stage}`,
            RetentionInDays: await number('logRetentionDays'),
          },
        },
      }
    : {};
  const { Resources, extensions } = refusals(origins, {
    caller: { ...each, who: names.length ? 'each API key' : 'all callers' }, everybody, quota,
  });

  return {
    events: [
      ...PRIVATE.map((path) => http(path, 'any', caller)),
      ...PRIVATE.map((path) => http(path, 'options')), // a preflight request carries no key
      ...PUBLIC.map((path) => http(path, 'any')),
    ],
    resources: { Resources: { ...Resources, ...authorizers, ...ofKeys, ...logs }, extensions },
    methodSettings: methodSettings({ callers, everybody, metrics: await isOn('apiMetrics') }),
    tracing: await isOn('tracing'),
    accessLog: logs.ApiAccessLogGroup
      ? { DestinationArn: { 'Fn::GetAtt': ['ApiAccessLogGroup', 'Arn'] }, Format: JSON.stringify(ACCESS_LOG) }
      : { Ref: 'AWS::NoValue' },
    operators: operators(await list('operators'), authorizer),
    origins: [{ 'Fn::Sub': OWN_ORIGIN }, ...origins],
    uploadSeconds: 60 * (await number('uploadMinutes')),
    linkSeconds: 60 * (await number('linkMinutes')),
  };
};
