'use strict';

/**
 * How S3's events reach the uploads queue, by the parameter `ingest`: the bucket notifies the queue (s3), or a rule of
 * EventBridge sends what the bucket sends to the account's bus (eventbridge). Of a bucket that is not the stack's, what
 * its owner sets are outputs, as the arguments of two AWS commands.
 */

const placed = require('./placed.cjs');

/** What a rule of the bucket expires is never told of as ObjectRemoved; in EventBridge both are "Object Deleted". */
const EVENTS = {
  false: { s3: ['s3:ObjectCreated:*'], eventbridge: ['Object Created'] },
  true: {
    s3: ['s3:ObjectCreated:*', 's3:ObjectRemoved:*', 's3:LifecycleExpiration:*'],
    eventbridge: ['Object Created', 'Object Deleted'],
  },
};

const arnOf = (queue) => ({ 'Fn::GetAtt': [queue, 'Arn'] });
const asText = (document) => ({ Value: placed(JSON.stringify(document)) });

const tlsOnly = (queue) => ({
  Sid: 'TlsOnly',
  Effect: 'Deny',
  Principal: '*',
  Action: 'sqs:*',
  Resource: arnOf(queue),
  Condition: { Bool: { 'aws:SecureTransport': false } },
});

/** The bucket and the rule by their names: the queue's policy stands before both. */
const maySend = (sid, queue, service, condition) => ({
  Sid: sid,
  Effect: 'Allow',
  Principal: { Service: service },
  Action: 'sqs:SendMessage',
  Resource: arnOf(queue),
  Condition: condition,
});

/** The bucket notifies the queue: of all that it has, where there is no prefix. */
function byNotification({ events, prefix, bucket }) {
  const rules = prefix ? [{ Name: 'prefix', Value: prefix }] : [];
  const ofTheBucket = {
    ArnEquals: { 'aws:SourceArn': { 'Fn::Sub': `arn:\${AWS::Partition}:s3:::${bucket}` } },
    StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } },
  };
  const queue = { Id: 'darkroom', QueueArn: '${UploadsQueue.Arn}', Events: events };
  const filter = prefix ? { Filter: { Key: { FilterRules: rules } } } : {};
  return {
    notification: {
      QueueConfigurations: events.map((event) => ({
        Event: event,
        Queue: arnOf('UploadsQueue'),
        ...(prefix ? { Filter: { S3Key: { Rules: rules } } } : {}),
      })),
    },
    owners: { QueueConfigurations: [{ ...queue, ...filter }] },
    queueStatements: [
      maySend('NotificationsOfTheUploadsBucket', 'UploadsQueue', 's3.amazonaws.com', ofTheBucket),
      tlsOnly('UploadsQueue'),
    ],
    dlqStatements: [tlsOnly('UploadsDlq')],
    resources: {},
  };
}

/** A rule takes the bucket's events from the bus; what it cannot deliver for a day goes where the dead letters are. */
function byRule({ events, prefix, bucketName, ruleName }) {
  const ofTheRule = {
    ArnEquals: {
      'aws:SourceArn': { 'Fn::Sub': `arn:\${AWS::Partition}:events:\${AWS::Region}:\${AWS::AccountId}:rule/${ruleName}` },
    },
  };
  const statements = (queue) => [maySend('EventsOfTheUploadsBucket', queue, 'events.amazonaws.com', ofTheRule), tlsOnly(queue)];
  const rule = {
    Type: 'AWS::Events::Rule',
    DependsOn: ['UploadsQueuePolicy', 'UploadsDlqPolicy'],
    Properties: {
      Name: ruleName,
      Description: 'Sends the events of the uploads bucket to the uploads queue',
      EventPattern: {
        source: ['aws.s3'],
        'detail-type': events,
        detail: { bucket: { name: [bucketName] }, ...(prefix ? { object: { key: [{ prefix }] } } : {}) },
      },
      Targets: [{ Id: 'uploads-queue', Arn: arnOf('UploadsQueue'), DeadLetterConfig: { Arn: arnOf('UploadsDlq') } }],
    },
  };
  return {
    notification: { EventBridgeConfiguration: { EventBridgeEnabled: true } },
    owners: { EventBridgeConfiguration: {} },
    queueStatements: statements('UploadsQueue'),
    dlqStatements: statements('UploadsDlq'),
    resources: { UploadsRule: rule },
  };
}

module.exports = async ({ resolveVariable }) => {
  const ingest = await resolveVariable('self:custom.derived.ingest');
  const settings = {
    events: EVENTS[await resolveVariable('self:custom.derived.removals')][ingest],
    prefix: await resolveVariable('param:uploadsPrefix'),
    bucket: await resolveVariable('param:uploadsBucket'),
    bucketName: await resolveVariable('self:custom.derived.uploadsBucket'),
    ruleName: await resolveVariable('self:custom.uploadsQueueName'),
  };
  const { resources, owners, ...parts } = ingest === 'eventbridge' ? byRule(settings) : byNotification(settings);
  const origins = await resolveVariable('self:custom.api.origins');
  const cors = {
    AllowedOrigins: origins.map((origin) => origin['Fn::Sub'] ?? origin),
    AllowedMethods: ['POST'],
    AllowedHeaders: ['*'],
    MaxAgeSeconds: 3600,
  };
  return {
    ...parts,
    resources: { Resources: resources },
    owners: {
      UploadsBucketNotification: asText(owners),
      UploadsBucketCors: asText({ CORSRules: [cors] }),
    },
  };
};
