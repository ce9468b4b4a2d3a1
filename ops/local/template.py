"""A packaged CloudFormation template, read with the names its resources got when they were deployed."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ops.local.errors import StackError

_PLACEHOLDER = re.compile(r"\$\{([^}]+)\}")

_ARNS = {
    "AWS::DynamoDB::Table": "arn:aws:dynamodb:{region}:{account}:table/{name}",
    "AWS::Lambda::Function": "arn:aws:lambda:{region}:{account}:function:{name}",
    "AWS::S3::Bucket": "arn:aws:s3:::{name}",
    "AWS::SQS::Queue": "arn:aws:sqs:{region}:{account}:{name}",
}


@dataclass(frozen=True)
class Template:
    """The template and what its logical names became.

    Args:
        content: the template, parsed.
        physical: logical id -> physical id of every resource that was deployed.
        account: the account's number.
        region: the region.
    """

    content: Mapping[str, Any]
    physical: Mapping[str, str]
    account: str
    region: str

    def resources(self, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """The logical id and resolved properties of each resource of type ``kind``."""
        for logical, resource in self.content["Resources"].items():
            if resource["Type"] == kind:
                yield logical, self.resolve(resource.get("Properties", {}))

    def missing(self) -> dict[str, str]:
        """Logical id -> type of each resource that should be deployed and is not."""
        return {
            logical: resource["Type"]
            for logical, resource in self.content["Resources"].items()
            if logical not in self.physical and "Condition" not in resource
        }

    def resolve(self, value: Any) -> Any:
        """``value`` without intrinsic functions.

        Raises:
            StackError: it uses one that is not known here.
        """
        if isinstance(value, list):
            return [self.resolve(item) for item in value]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            (name, argument), *_ = value.items()
            if name == "Ref":
                return self._reference(argument)
            if name.startswith("Fn::"):
                return self._function(name, argument)
        return {key: self.resolve(item) for key, item in value.items()}

    def _function(self, name: str, argument: Any) -> Any:
        match name, argument:
            case "Fn::GetAtt", [logical, attribute]:
                return self._attribute(logical, attribute)
            case "Fn::Sub", str():
                return _PLACEHOLDER.sub(lambda found: self._placeholder(found[1]), argument)
            case "Fn::Join", [separator, parts]:
                return separator.join(self.resolve(parts))
        raise StackError(f"the local stack cannot read {name} {argument}: teach it to ops/local/template.py")

    def _placeholder(self, name: str) -> str:
        if name.startswith("!"):
            return f"${{{name[1:]}}}"
        logical, _, attribute = name.partition(".")
        return self._attribute(logical, attribute) if attribute else self._reference(name)

    def _reference(self, name: str) -> str:
        pseudo = {
            "AWS::AccountId": self.account,
            "AWS::Region": self.region,
            "AWS::Partition": "aws",
            "AWS::URLSuffix": "amazonaws.com",
        }
        if name in pseudo:
            return pseudo[name]
        if name in self.physical:
            return self.physical[name]
        raise StackError(f"the local stack does not know {name}: it refers to something that was not deployed")

    def _attribute(self, logical: str, attribute: str) -> str:
        name = self._reference(logical).rpartition("/")[2]  # a queue's physical id is its URL
        kind = self.content["Resources"][logical]["Type"]
        if attribute in ("QueueName", "TopicName"):
            return name
        if attribute == "Arn" and kind in _ARNS:
            return _ARNS[kind].format(region=self.region, account=self.account, name=name)
        raise StackError(f"the local stack does not know {kind}'s {attribute}: teach it to ops/local/template.py")
