"""What CloudFormation makes for receivers, and moto's does not: the policies of queues and topics, API destinations.

moto knows direct subclasses of CloudFormationModel alone. So it does not see these until ``patches`` shows them to it.
"""

import json
import re
from typing import Any, ClassVar, Final

from moto.core.common_models import CloudFormationModel
from moto.core.utils import camelcase_to_underscores
from moto.events.models import events_backends
from moto.secretsmanager.models import secretsmanager_backends
from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends

from ops.local.eventbridge.webhook import NotOnThisMachineError, check_url

_SECRET: Final = re.compile(
    r"\{\{resolve:secretsmanager:((?:arn:[^{}]+:secret:)?[^:{}]+)(?::SecretString:?([^:{}]*):*)?\}\}"
)


class Resource(CloudFormationModel):
    """What they have in common; ``arn`` is for GetAtt."""

    kind: ClassVar[str] = "Darkroom::Abstract"
    name_property: ClassVar[str] = ""
    arn: ClassVar[str] = ""

    def __init__(self, name: str, account_id: str, region_name: str, properties: dict[str, Any]) -> None:
        self.physical_resource_id = name
        self.make(account_id, region_name, properties)

    def make(self, account_id: str, region_name: str, properties: dict[str, Any]) -> None:
        """Make it, or bring what there is to these properties."""

    def delete(self, account_id: str, region_name: str) -> None:
        """Undo ``make``."""

    @classmethod
    def cloudformation_type(cls) -> str:
        """Its type."""
        return cls.kind

    @classmethod
    def cloudformation_name_type(cls) -> str:
        """The property with its name."""
        return cls.name_property

    @classmethod
    def has_cfn_attr(cls, attr: str) -> bool:
        """Whether an output may get this attribute."""
        return attr == "Arn" and bool(cls.name_property)

    def get_cfn_attribute(self, attribute_name: str) -> str:
        """The answer to Fn::GetAtt."""
        if not self.has_cfn_attr(attribute_name):
            raise _refusal(f"The emulator knows no attribute {attribute_name} of {self.kind}")
        return self.arn

    @classmethod
    def create_from_cloudformation_json(
        cls, resource_name: str, cloudformation_json: Any, account_id: str, region_name: str, **_: Any
    ) -> "Resource":
        """A new one."""
        return cls(resource_name, account_id, region_name, cloudformation_json["Properties"])

    @classmethod
    def update_from_cloudformation_json(
        cls,
        original_resource: Any,
        new_resource_name: str,  # noqa: ARG003 - a new random one, and the old one stays
        cloudformation_json: Any,
        account_id: str,
        region_name: str,
    ) -> "Resource":
        """The same one, changed."""
        original_resource.make(account_id, region_name, cloudformation_json["Properties"])
        return original_resource  # type: ignore[no-any-return]


class QueuePolicy(Resource):
    """AWS::SQS::QueuePolicy."""

    kind = "AWS::SQS::QueuePolicy"

    def make(self, account_id: str, region_name: str, properties: dict[str, Any]) -> None:
        """Set the policy of each queue."""
        self._queues = [url.rpartition("/")[2] for url in properties["Queues"]]
        for name in self._queues:
            policy = {"Policy": json.dumps(properties["PolicyDocument"])}
            sqs_backends[account_id][region_name].set_queue_attributes(name, policy)

    def delete(self, account_id: str, region_name: str) -> None:
        """Leave the queues that are still there without one."""
        for name in self._queues:
            if queue := sqs_backends[account_id][region_name].queues.get(name):
                queue.policy = ""


class TopicPolicy(Resource):
    """AWS::SNS::TopicPolicy."""

    kind = "AWS::SNS::TopicPolicy"

    def make(self, account_id: str, region_name: str, properties: dict[str, Any]) -> None:
        """Set the policy of each topic."""
        self._topics = list(properties["Topics"])
        for arn in self._topics:
            topic = sns_backends[account_id][region_name].get_topic(arn)
            topic.policy = json.dumps(properties["PolicyDocument"])

    def delete(self, account_id: str, region_name: str) -> None:
        """Give the topics that are still there their first policy again."""
        for arn in self._topics:
            if topic := sns_backends[account_id][region_name].topics.get(arn):
                first = topic._create_default_topic_policy(region_name, account_id, topic.name)
                topic.policy = json.dumps(first)


class Connection(Resource):
    """AWS::Events::Connection."""

    kind = "AWS::Events::Connection"
    name_property = "Name"

    def make(self, account_id: str, region_name: str, properties: dict[str, Any]) -> None:
        """Make or change it; what its properties say of secrets is looked up."""
        events, name = events_backends[account_id][region_name], self.physical_resource_id
        given = _arguments(properties, "Description", "AuthorizationType", "AuthParameters")
        given["auth_parameters"] = _with_secrets(given["auth_parameters"], account_id, region_name)
        if name in events.connections:
            events.update_connection(name=name, **given)
        else:
            events.create_connection(name=name, **given)
        self.arn = events.connections[name].arn  # type: ignore[misc] # each has its own

    def delete(self, account_id: str, region_name: str) -> None:
        """Delete it."""
        events_backends[account_id][region_name].delete_connection(self.physical_resource_id)


class ApiDestination(Resource):
    """AWS::Events::ApiDestination."""

    kind = "AWS::Events::ApiDestination"
    name_property = "Name"

    def make(self, account_id: str, region_name: str, properties: dict[str, Any]) -> None:
        """Make or change it."""
        events, name = events_backends[account_id][region_name], self.physical_resource_id
        names = ("Description", "ConnectionArn", "InvocationEndpoint", "InvocationRateLimitPerSecond", "HttpMethod")
        given = _arguments(properties, *names)
        try:
            check_url(given["invocation_endpoint"])
        except NotOnThisMachineError as error:  # in CloudFormation's words: its client reads no others
            raise _refusal(str(error)) from None
        if name in events.destinations:
            events.update_api_destination(name=name, **given)
        else:
            events.create_api_destination(name=name, **given)
        self.arn = events.destinations[name].arn  # type: ignore[misc] # each has its own

    def delete(self, account_id: str, region_name: str) -> None:
        """Delete it."""
        events_backends[account_id][region_name].delete_api_destination(self.physical_resource_id)


RESOURCES: Final = (QueuePolicy, TopicPolicy, Connection, ApiDestination)


def all_models() -> list[Any]:
    """``CloudFormationModel.__subclasses__`` with those that are not direct ones."""
    model: Any = CloudFormationModel
    return [*type.__subclasses__(model), *RESOURCES]


def _refusal(message: str) -> Exception:
    from moto.cloudformation.exceptions import ValidationError  # half of moto: a second

    return ValidationError(message=message)


def _arguments(properties: dict[str, Any], *names: str) -> dict[str, Any]:
    """Properties under moto's names, all of which it wants."""
    return {camelcase_to_underscores(name): properties.get(name) for name in names}


def _with_secrets(value: Any, account_id: str, region_name: str) -> Any:
    """``value`` with secrets in place of dynamic references; moto resolves them nowhere."""
    match value:
        case dict():
            return {name: _with_secrets(each, account_id, region_name) for name, each in value.items()}
        case list():
            return [_with_secrets(each, account_id, region_name) for each in value]
        case str():
            return _SECRET.sub(lambda found: _secret(found[1], found[2], account_id, region_name), value)
    return value


def _secret(name: str, key: str | None, account_id: str, region_name: str) -> str:
    secret = secretsmanager_backends[account_id][region_name].get_secret_value(name, "", "")["SecretString"]
    return str(json.loads(secret)[key] if key else secret)
