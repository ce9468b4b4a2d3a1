'use strict';

/**
 * What a policy needs of the key beside what it allows on data that the key encrypts. Each service asks KMS in the name of
 * its caller, so a right on the key is of no use but through that service.
 */

const READ = ['kms:Decrypt'];
const WRITE = ['kms:Decrypt', 'kms:GenerateDataKey'];

const NEEDS = {
  's3:GetObject': READ, // HeadObject among them
  's3:GetObjectVersion': READ,
  's3:PutObject': WRITE, // kms:Decrypt for the parts of a multipart upload
  'sqs:ReceiveMessage': READ,
  'sqs:SendMessage': WRITE,
  'sqs:StartMessageMoveTask': WRITE,
  'sns:Publish': WRITE,
};

const needsOf = (action) => NEEDS[action] ?? (action.startsWith('dynamodb:') ? READ : []);

/**
 * @param {object[]} statements - of one policy
 * @param {string|object} key - its ARN
 * @returns {object[]} the statements to add
 */
module.exports = (statements, key) => {
  const actions = statements.filter(({ Effect }) => Effect === 'Allow').flatMap(({ Action }) => Action);
  const statement = (sid, right) => {
    const services = new Set(actions.filter((each) => needsOf(each).includes(right)).map((each) => each.split(':')[0]));
    if (services.size === 0) return [];
    const through = [...services].sort().map((each) => ({ 'Fn::Sub': `${each}.\${AWS::Region}.amazonaws.com*` }));
    return [{
      Sid: sid,
      Effect: 'Allow',
      Action: right,
      Resource: key,
      Condition: { StringLike: { 'kms:ViaService': through } },
    }];
  };
  return [...statement('DecryptWithTheKey', 'kms:Decrypt'), ...statement('EncryptWithTheKey', 'kms:GenerateDataKey')];
};
