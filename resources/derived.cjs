'use strict';

/** The values that follow from others, so that no two of them can disagree. */

const crypto = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');

const placed = require('./placed.cjs');

const SERVICE = path.dirname(__dirname);
const DAY = 24 * 60 * 60;

/** Everything that decides what the function does: a ledger entry names the code that wrote it. */
const LOCKS = { x86_64: 'ops/build/locks/package-x86_64.txt', arm64: 'ops/build/locks/package-arm64.txt' };
const RECIPE = ['recipe.toml', 'logos'];
const CODE = ['api', 'handlers', 'processing', ...RECIPE, ...Object.values(LOCKS)];

function filesBelow(name) {
  const full = path.join(SERVICE, name);
  if (!fs.existsSync(full)) return [];
  if (!fs.statSync(full).isDirectory()) return [name];
  return fs
    .readdirSync(full)
    .filter((entry) => entry !== '__pycache__')
    .flatMap((entry) => filesBelow(`${name}/${entry}`));
}

function versionOf(names) {
  const hash = crypto.createHash('sha256');
  for (const name of names.flatMap(filesBelow).sort()) {
    const content = fs.readFileSync(path.join(SERVICE, name));
    hash.update(`${name}\0${content.length}\0`).update(content);
  }
  return hash.digest('hex').slice(0, 12);
}

/** The one that is asked for, or the workshop's own, which is new enough and has pip. */
function pythonBin() {
  if (process.env.PYTHON_BIN) return process.env.PYTHON_BIN;
  const own = path.join(SERVICE, '.venv', 'bin', 'python');
  return fs.existsSync(own) ? own : 'python3';
}

const ARNS = ['userPoolArn', 'cdnCertificate', 'kmsKey', 'webAclArn', 'cdnWebAclArn', 'permissionsBoundary'];

/** What the images table is made after: all that a first deployment can fail at depends on these, or they on it. */
const BEFORE_THE_TABLE = ['OperatorPolicy', 'ApiGatewayStage'];
const BUCKET_POLICIES = { none: ['UploadsBucketPolicy', 'VariantsBucketPolicy'], uploads: ['VariantsBucketPolicy'], both: [] };
const RULES = { s3: [], eventbridge: ['UploadsRule'] };

/** A value that is none of these is refused, but only after all this was computed. */
const known = (value, choices) => (Object.hasOwn(choices, value) ? value : Object.keys(choices)[0]);

/** Of the two buckets. With a bucket key S3 asks KMS once for many objects. */
const encryption = (key) => ({
  ServerSideEncryptionByDefault: key ? { SSEAlgorithm: 'aws:kms', KMSMasterKeyID: key } : { SSEAlgorithm: 'AES256' },
  ...(key ? { BucketKeyEnabled: true } : {}),
});

module.exports = async ({ resolveVariable }) => {
  // A parameter from the command line is always text
  const text = async (name) => String(await resolveVariable(`param:${name}`));
  const number = async (name) => Number(await text(name));
  const isOn = async (name) => (await text(name)) === 'true';
  const list = async (name) => (await text(name)).split(',').map((each) => each.trim()).filter(Boolean);

  const timeout = await number('timeout');
  const window = await number('window');
  const isArm = (await text('architecture')) === 'arm64';
  const email = await text('alarmEmail');
  const existing = known(await text('existing'), BUCKET_POLICIES);
  const ingest = known(await text('ingest'), RULES);
  const accessLogs = await text('accessLogs');
  const arns = {};
  for (const name of ARNS) arns[name] = placed(await text(name));
  const key = arns.kmsKey === 'new' ? { 'Fn::GetAtt': ['Key', 'Arn'] } : arns.kmsKey;
  const visibilityTimeout = 6 * timeout + window; // AWS's rule for SQS event sources

  return {
    uploadsBucket: placed(await text('uploadsBucket')),
    records: placed(`${await text('uploadsBucket')}/${await text('uploadsPrefix')}*`), // partition keys in the images table
    variantsBucket: placed(await text('variantsBucket')),
    arns,
    existing,
    ingest,
    beforeTheTable: [...BEFORE_THE_TABLE, ...BUCKET_POLICIES[existing], ...RULES[ingest]],
    visibilityTimeout,
    consumerSlow: 900 * timeout, // milliseconds: nine tenths
    // A lease outlives every request of the invocation that holds it, and has ended when the message of one that was
    // killed comes back: a claim is made at most window + timeout after the receive that hid the message.
    leaseSeconds: 5 * timeout,
    queueAgeAlarm: visibilityTimeout + 15 * 60, // what a killed invocation hides is no backlog
    maxReceiveCount: await number('maxReceiveCount'),
    queueRetention: (await number('queueRetentionDays')) * DAY,
    dlqRetention: (await number('dlqRetentionDays')) * DAY,
    removals: await isOn('removals'),
    logRetentionDays: await number('logRetentionDays'),
    kmsKey: key,
    bucketEncryption: encryption(key),
    originalsTieringDays: await number('originalsTieringDays'),
    originalsExpireDays: await number('originalsExpireDays'),
    noncurrentDays: await number('noncurrentDays'),
    accessLogs: accessLogs === 'new' ? { Ref: 'AccessLogsBucket' } : placed(accessLogs),
    tags: Object.fromEntries((await list('tags')).map((each) => each.split(/=(.*)/s).slice(0, 2))),
    vpcSubnets: await list('vpcSubnets'),
    vpcSecurityGroups: await list('vpcSecurityGroups'),
    vpcRouteTables: await list('vpcRouteTables'),
    pointInTimeRecovery: await isOn('pointInTimeRecovery'),
    alarmSubscriptions: email ? [{ Protocol: 'email', Endpoint: email }] : { Ref: 'AWS::NoValue' },
    // pip judges markers by the machine it runs on, not by the one it packs for: hence a file for each
    requirementsFile: isArm ? LOCKS.arm64 : LOCKS.x86_64,
    pipArchitecture: isArm ? 'aarch64' : 'x86_64',
    pythonBin: pythonBin(),
    codeVersion: versionOf(CODE),
    recipeVersion: versionOf(RECIPE),
  };
};
