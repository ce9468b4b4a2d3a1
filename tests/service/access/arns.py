"""References in a packaged template, resolved to the ARNs that they would have on AWS."""

import re
from collections.abc import Mapping
from typing import Any

ACCOUNT, REGION = "123456789012", "eu-west-1"
PSEUDO = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Region": REGION,
    "AWS::Partition": "aws",
    "AWS::URLSuffix": "amazonaws.com",
    "AWS::StackId": f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/darkroom/1",
}
HERE = f"{REGION}:{ACCOUNT}"
ARNS = {
    "AWS::SQS::Queue": ("QueueName", f"arn:aws:sqs:{HERE}:%s"),
    "AWS::SNS::Topic": ("TopicName", f"arn:aws:sns:{HERE}:%s"),
    "AWS::S3::Bucket": ("BucketName", "arn:aws:s3:::%s"),
    "AWS::Lambda::Function": ("FunctionName", f"arn:aws:lambda:{HERE}:function:%s"),
    "AWS::Lambda::EventSourceMapping": ("", f"arn:aws:lambda:{HERE}:event-source-mapping:%s"),
    "AWS::Logs::LogGroup": ("LogGroupName", f"arn:aws:logs:{HERE}:log-group:%s:*"),
    "AWS::Events::EventBus": ("Name", f"arn:aws:events:{HERE}:event-bus/%s"),
    "AWS::Events::Rule": ("Name", f"arn:aws:events:{HERE}:rule/%s"),
    "AWS::StepFunctions::StateMachine": ("StateMachineName", f"arn:aws:states:{HERE}:stateMachine:%s"),
    "AWS::DynamoDB::Table": ("TableName", f"arn:aws:dynamodb:{HERE}:table/%s"),
    "AWS::KMS::Key": ("", f"arn:aws:kms:{HERE}:key/%s"),
}
"""By type of resource: the property with its name, its logical id where there is none, and its ARN."""

REF_IS_ARN = ("AWS::SNS::Topic", "AWS::StepFunctions::StateMachine")
NO_VALUE = object()


class Resolver:
    """Resolves values of one template.

    Args:
        template: parsed.
        parameters: values of the template's own parameters.
    """

    def __init__(self, template: Mapping[str, Any], parameters: Mapping[str, str] | None = None) -> None:
        self._template = template
        self._values = {**PSEUDO, **(parameters or {})}

    def resolve(self, value: Any) -> Any:
        """``value`` without intrinsic functions; items and properties that have no value are left out."""
        if isinstance(value, list):
            return [made for each in value if (made := self.resolve(each)) is not NO_VALUE]
        if not isinstance(value, dict):
            return value
        match value:
            case {"Ref": "AWS::NoValue"}:
                return NO_VALUE
            case {"Ref": str(name)}:
                return self._ref(name)
            case {"Fn::GetAtt": [name, "Arn"]}:
                return self.arn(name)
            case {"Fn::Sub": str(text)}:
                return re.sub(r"\$\{([^}]+)\}", lambda found: self._placeholder(found[1]), text)
            case {"Fn::If": [condition, yes, no]}:
                return self.resolve(yes if self._holds(condition) else no)
        resolved = {name: self.resolve(each) for name, each in value.items()}
        return {name: each for name, each in resolved.items() if each is not NO_VALUE}

    def arn(self, logical_id: str) -> str:
        """The ARN of a resource."""
        resource = self._template["Resources"][logical_id]
        name, form = ARNS[resource["Type"]]
        made: str = form % (self.resolve(resource["Properties"][name]) if name else logical_id)
        return made

    def _ref(self, name: str) -> str:
        if name in self._values:
            return self._values[name]
        return self.arn(name) if self._template["Resources"][name]["Type"] in REF_IS_ARN else name

    def _placeholder(self, name: str) -> str:
        logical_id, _, attribute = name.partition(".")
        return self.arn(logical_id) if attribute == "Arn" else self._ref(name)

    def _holds(self, condition: str) -> bool:
        one, other = self.resolve(self._template["Conditions"][condition]["Fn::Equals"])
        return bool(one == other)
