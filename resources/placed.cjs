'use strict';

/** Text that may have ${AWS::AccountId}, ${AWS::Region} and ${AWS::Partition} (PLACED in ops/build/places.py), as CloudFormation fills it in. */
module.exports = (text) => (text.includes('${') ? { 'Fn::Sub': text } : text);
