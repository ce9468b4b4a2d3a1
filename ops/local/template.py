"""A packaged CloudFormation template, read with the names its resources got, and what moto leaves out of it.

moto answers CREATE_COMPLETE for those parts; ``apply`` brings them to the emulator through the API.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ops.errors import StackError

Client = Callable[[str], Any]

LEFT_OUT = {
    "AWS::S3::BucketPolicy": "TLS only, and the emulator speaks plain HTTP; moto reads no conditions and refuses all",
    "AWS::CloudFront::Distribution": "nothing stands in front of the bucket on this machine",
    "AWS::CloudFront::OriginAccessControl": "as above",
    "AWS::ApiGateway::Method": "API Gateway is played by a server of ours, which asks for the key itself",
    "AWS::ApiGateway::Deployment": "as above",
    "AWS::ApiGateway::Stage": "as above; throttling is not played",
    "AWS::ApiGateway::GatewayResponse": "as above",
    "AWS::ApiGateway::Authorizer": "as above",
    "AWS::ApiGateway::ApiKey": "as above; every reference to one is KEY_ID",
    "AWS::ApiGateway::UsagePlan": "as above",
    "AWS::ApiGateway::UsagePlanKey": "as above",
    "AWS::WAFv2::WebACLAssociation": "as above; nothing judges requests on this machine",
    "AWS::Lambda::Permission": "that server may call the function",
}
"""Resources that stay away from the local stack on purpose, and why.

So do some properties: a queue's RedriveAllowPolicy and a table's SSESpecification (moto forgets them), and a bucket's
LifecycleConfiguration and LoggingConfiguration (moto never acts on one).
"""

KEY_ID = "local"  # of the only API key that is played

_PLACEHOLDER = re.compile(r"\$\{([^}]+)\}")

_ARNS = {
    "AWS::DynamoDB::Table": "arn:aws:dynamodb:{region}:{account}:table/{name}",
    "AWS::KMS::Key": "arn:aws:kms:{region}:{account}:key/{name}",
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
        raise StackError(f"the local stack cannot read {name} {argument}: add it to ops/local/template.py")

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
        if self.content["Resources"].get(name, {}).get("Type") == "AWS::ApiGateway::ApiKey":
            return KEY_ID
        raise StackError(f"the local stack does not know {name}: it refers to something that was not deployed")

    def _attribute(self, logical: str, attribute: str) -> str:
        name = self._reference(logical).rpartition("/")[2]  # a queue's physical id is its URL
        kind = self.content["Resources"][logical]["Type"]
        if attribute in ("QueueName", "TopicName"):
            return name
        if attribute == "Arn" and kind in _ARNS:
            return _ARNS[kind].format(region=self.region, account=self.account, name=name)
        raise StackError(f"the local stack does not know {kind}'s {attribute}: add it to ops/local/template.py")


def apply(template: Template, client: Client) -> None:
    """Bring the deployed resources to what the template says.

    Raises:
        StackError: the template has a resource that moto did not make and nobody decided about.
    """
    appliers = {
        "AWS::S3::Bucket": _bucket,
        "AWS::CloudWatch::Alarm": _alarm,
    }
    unknown = {name: kind for name, kind in template.missing().items() if kind not in appliers | LEFT_OUT}
    if unknown:
        raise StackError(
            "the emulator left out "
            + ", ".join(f"{name} ({kind})" for name, kind in unknown.items())
            + ": add it to ops/local/template.py, or name it there in LEFT_OUT with the reason"
        )
    for kind, applier in appliers.items():
        for logical, properties in template.resources(kind):
            applier(template.physical.get(logical, ""), properties, client)
    _environments(template, client)


def _environments(template: Template, client: Client) -> None:
    """The variables that refer to what moto left out: it writes ``None`` in their place."""
    for logical, resource in template.content["Resources"].items():
        if resource["Type"] == "AWS::Lambda::Function" and "Environment" in resource["Properties"]:
            given = {"FunctionName": template.physical[logical]}
            wanted = template.resolve(resource["Properties"]["Environment"]["Variables"])
            variables = {name: str(value) for name, value in wanted.items()}
            if client("lambda").get_function_configuration(**given)["Environment"]["Variables"] != variables:
                client("lambda").update_function_configuration(**given, Environment={"Variables": variables})


def _bucket(name: str, properties: dict[str, Any], client: Client) -> None:
    s3 = client("s3")
    if private := properties.get("PublicAccessBlockConfiguration"):
        s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=private)
    if versioning := properties.get("VersioningConfiguration"):
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration=versioning)
    if owner := properties.get("OwnershipControls"):
        s3.put_bucket_ownership_controls(Bucket=name, OwnershipControls=owner)
    if cors := properties.get("CorsConfiguration"):
        s3.put_bucket_cors(
            Bucket=name, CORSConfiguration={"CORSRules": [_cors_rule(rule) for rule in cors["CorsRules"]]}
        )
    if notifications := properties.get("NotificationConfiguration"):
        s3.put_bucket_notification_configuration(Bucket=name, NotificationConfiguration=_notifications(notifications))


def let_in(s3: Any, bucket: str, origins: Sequence[str]) -> None:
    """Let pages of these origins do what a bucket's CORS rules let others do: the API has another address here."""
    rules = s3.get_bucket_cors(Bucket=bucket)["CORSRules"]
    for rule in rules:
        rule["AllowedOrigins"] = list(dict.fromkeys([*rule["AllowedOrigins"], *origins]))
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": rules})


def _cors_rule(rule: dict[str, Any]) -> dict[str, Any]:
    """CloudFormation's form of a CORS rule in the API's words."""
    renamed = {"MaxAge": "MaxAgeSeconds", "ExposedHeaders": "ExposeHeaders", "Id": "ID"}
    return {renamed.get(name, name): int(value) if name == "MaxAge" else value for name, value in rule.items()}


def _notifications(configuration: dict[str, Any]) -> dict[str, Any]:
    """CloudFormation's form of a notification configuration in the API's words."""
    applied: dict[str, Any] = {}
    for kind, target, arn in (
        ("QueueConfigurations", "Queue", "QueueArn"),
        ("TopicConfigurations", "Topic", "TopicArn"),
    ):
        for entry in configuration.get(kind, []):
            translated = {arn: entry[target], "Events": [entry["Event"]]}
            if "Filter" in entry:
                translated["Filter"] = {"Key": {"FilterRules": entry["Filter"]["S3Key"]["Rules"]}}
            applied.setdefault(kind, []).append(translated)
    if configuration.get("EventBridgeConfiguration", {}).get("EventBridgeEnabled"):
        applied["EventBridgeConfiguration"] = {}
    return applied


def _alarm(_name: str, properties: dict[str, Any], client: Client) -> None:
    client("cloudwatch").put_metric_alarm(**properties)
