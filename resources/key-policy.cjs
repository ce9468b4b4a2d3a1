'use strict';

/**
 * Which AWS services use the key in their own name, and for what: the statements of the new key's policy, and, in
 * docs/key-policy.json, of the policy of a key that is yours. People and roles are not here: their own policies say it.
 */

const sub = (text) => ({ 'Fn::Sub': text });
const ofTheAccount = { StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } } };

const service = (sid, principal, actions, condition) => ({
  Sid: sid,
  Effect: 'Allow',
  Principal: { Service: principal },
  Action: actions,
  Resource: '*', // in a key's policy: the key
  Condition: condition,
});

const SEND = ['kms:Decrypt', 'kms:GenerateDataKey'];

/**
 * @param {string} service - with the stage, the stack's name
 * @param {string} stage
 * @param {string} distribution - its ARN, or '' where there is none
 * @param {boolean} notifications - whether the bucket notifies the queue
 * @param {boolean} rules - whether rules of EventBridge send to a queue
 */
function statements({ service: project, stage, distribution, notifications, rules }) {
  const logGroup = (path) => sub(`arn:\${AWS::Partition}:logs:\${AWS::Region}:\${AWS::AccountId}:log-group:/${path}`);
  const stack = `${project}-${stage}`;
  const worker = `${project}/${stage}/worker`; // resources/worker/service.yml
  const logGroups = [`aws/lambda/${stack}-*`, `aws/api-gateway/${stack}`, worker].map(logGroup);
  return [
    service(
      'LogGroups',
      sub('logs.${AWS::Region}.${AWS::URLSuffix}'),
      ['kms:Encrypt', 'kms:Decrypt', 'kms:ReEncrypt*', 'kms:GenerateDataKey*', 'kms:DescribeKey'],
      { ArnLike: { 'kms:EncryptionContext:aws:logs:arn': logGroups } },
    ),
    service('AlarmsToTheTopic', 'cloudwatch.amazonaws.com', ['kms:Decrypt', 'kms:GenerateDataKey*'], ofTheAccount),
    ...(notifications ? [service('NotificationsToTheQueue', 's3.amazonaws.com', SEND, ofTheAccount)] : []),
    ...(rules ? [service('RulesToTheQueues', 'events.amazonaws.com', SEND, ofTheAccount)] : []),
    ...(distribution
      ? [service('Cdn', 'cloudfront.amazonaws.com', 'kms:Decrypt', { ArnLike: { 'aws:SourceArn': sub(distribution) } })]
      : []),
  ];
}

const DISTRIBUTION = 'arn:${AWS::Partition}:cloudfront::${AWS::AccountId}:distribution/';

module.exports = async ({ resolveVariable }) => {
  const isOn = async (name) => String(await resolveVariable(`param:${name}`)) === 'true';
  const ingest = await resolveVariable('self:custom.derived.ingest');
  return [
    {
      Sid: 'ByThePoliciesOfTheAccount', // without it, no policy of a role could allow anything
      Effect: 'Allow',
      Principal: { AWS: sub('arn:${AWS::Partition}:iam::${AWS::AccountId}:root') },
      Action: 'kms:*',
      Resource: '*',
    },
    ...statements({
      service: await resolveVariable('self:service'),
      stage: await resolveVariable('sls:stage'),
      distribution: (await isOn('cdn')) ? `${DISTRIBUTION}\${Cdn}` : '',
      notifications: ingest === 's3',
      rules: ingest === 'eventbridge' || (await isOn('workflow')),
    }),
  ];
};

/** For a key that is yours: all of them, for it may not know the distribution before there is one. */
module.exports.every = (service, stage) =>
  statements({ service, stage, distribution: `${DISTRIBUTION}*`, notifications: true, rules: true });
