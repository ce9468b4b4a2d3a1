'use strict';

/** With `existing: true`: what the owner of the uploads bucket sets on it, as the arguments of two AWS commands. */

const EVENTS = {
  false: ['s3:ObjectCreated:*'],
  true: ['s3:ObjectCreated:*', 's3:ObjectRemoved:*', 's3:LifecycleExpiration:*'],
};

const asText = (document) => ({ Value: { 'Fn::Sub': JSON.stringify(document) } });

module.exports = async ({ resolveVariable }) => {
  const removals = await resolveVariable('self:custom.derived.removals');
  const prefix = await resolveVariable('param:uploadsPrefix');
  const origins = await resolveVariable('self:custom.api.origins');
  const queue = {
    Id: 'darkroom',
    QueueArn: '${UploadsQueue.Arn}',
    Events: EVENTS[removals],
    Filter: { Key: { FilterRules: [{ Name: 'prefix', Value: prefix }] } },
  };
  const cors = {
    AllowedOrigins: origins.map((origin) => origin['Fn::Sub'] ?? origin),
    AllowedMethods: ['POST'],
    AllowedHeaders: ['*'],
    MaxAgeSeconds: 3600,
  };
  return {
    UploadsBucketNotification: asText({ QueueConfigurations: [queue] }),
    UploadsBucketCors: asText({ CORSRules: [cors] }),
  };
};
