"""One try to deliver an event to a target, by the kind of the target."""

import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from moto.core.exceptions import ServiceException
from moto.events.models import events_backends
from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends
from moto.stepfunctions import responses as states
from moto.utilities.arns import parse_arn
from werkzeug.exceptions import HTTPException

from ops.local.eventbridge import webhook
from ops.local.eventbridge.failures import UndeliveredError
from ops.local.eventbridge.permissions import check_policy, check_role

Send = Callable[[Any, Mapping[str, Any], str], None]
"""Takes the rule, one of its targets and what that gets; raises UndeliveredError."""

BY_MOTO: Final = ("logs", "event-bus", "archive")
"""Kinds of targets that moto delivers to itself."""


def kind_of(arn: str) -> str:
    """The kind of the target with this ARN: a service, or what of EventBridge it is."""
    parsed = parse_arn(arn)
    return str(parsed.service if parsed.service != "events" else parsed.resource_type or "archive")


def send(rule: Any, target: Mapping[str, Any], body: str) -> None:
    """Deliver once.

    Raises:
        UndeliveredError: the target did not get it.
    """
    with _refusals_as_failures():
        SENDERS[kind_of(target["Arn"])](rule, target, body)


def send_to_queue(
    rule: Any, arn: str, body: str, *, group: str | None = None, attributes: Mapping[str, str] | None = None
) -> None:
    """Send a message to a queue whose policy lets the rule in.

    Raises:
        UndeliveredError: its policy does not, or it is gone.
    """
    at = parse_arn(arn)
    said = {name: {"DataType": "String", "StringValue": value} for name, value in (attributes or {}).items()}
    with _refusals_as_failures():
        queues = sqs_backends[at.account][at.region]
        queue = queues.get_queue(at.resource_id)
        check_policy(queue.policy, "sqs:SendMessage", arn, rule)
        if group and queue.attributes.get("ContentBasedDeduplication") != "true":
            raise UndeliveredError("INVALID_PARAMETER", f"{arn} has no content-based deduplication")
        queues.send_message(at.resource_id, body, message_attributes=said, group_id=group)


@contextmanager
def _refusals_as_failures() -> Iterator[None]:
    try:
        yield
    except (ServiceException, HTTPException) as refusal:  # moto's two kinds
        is_gone = any(word in type(refusal).__name__ for word in ("NotExist", "NotFound"))
        raise UndeliveredError("NO_RESOURCE" if is_gone else "INVALID_PARAMETER", str(refusal)) from None


def _to_queue(rule: Any, target: Mapping[str, Any], body: str) -> None:
    send_to_queue(rule, target["Arn"], body, group=target.get("SqsParameters", {}).get("MessageGroupId"))


def _to_topic(rule: Any, target: Mapping[str, Any], body: str) -> None:
    at = parse_arn(target["Arn"])
    topics = sns_backends[at.account][at.region]
    check_policy(topics.get_topic(target["Arn"]).policy, "sns:Publish", target["Arn"], rule)
    topics.publish(body, target["Arn"])


def _to_state_machine(rule: Any, target: Mapping[str, Any], body: str) -> None:
    check_role(target["RoleArn"], "states:StartExecution", target["Arn"], rule)
    at = parse_arn(target["Arn"])
    machines: Any = states.get_backend(at.account, at.region)
    machines.start_execution(state_machine_arn=target["Arn"], name=str(uuid.uuid4()), execution_input=body)


def _to_api_destination(rule: Any, target: Mapping[str, Any], body: str) -> None:
    check_role(target["RoleArn"], "events:InvokeApiDestination", target["Arn"], rule)
    backend = events_backends[rule.account_id][rule.region_name]
    found = [each for each in backend.destinations.values() if each.arn == target["Arn"]]
    connections = [each for each in backend.connections.values() if found and each.arn == found[0].connection_arn]
    if not connections:
        raise UndeliveredError("NO_RESOURCE", f"{target['Arn']} or its connection is gone")
    webhook.post(found[0], connections[0], target, body)


SENDERS: Final[Mapping[str, Send]] = {
    "sqs": _to_queue,
    "sns": _to_topic,
    "states": _to_state_machine,
    "api-destination": _to_api_destination,
}
WITH_A_ROLE: Final = ("states", "api-destination")
