"""What moto lacks of EventBridge and its targets, as patches."""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from moto.core.common_models import CloudFormationModel
from moto.events.exceptions import ValidationException
from moto.events.models import Destination, EventsBackend, Rule
from moto.sns.exceptions import SNSInvalidParameter
from moto.sns.models import SNSBackend, Subscription, Topic

from ops.local.eventbridge import delivery, probes, resources
from ops.local.eventbridge.sending import BY_MOTO, SENDERS, WITH_A_ROLE, kind_of
from ops.local.eventbridge.webhook import NotOnThisMachineError, check_url
from ops.local.patch import Patch

WEB: Final = ("http", "https")
_ENDPOINT: Final = "_invocation_endpoint"


def patches() -> list[Patch]:
    """All of them, in the order in which they are applied."""
    return [
        Patch(
            "rules that deliver as EventBridge does: with permission, again, and to a dead-letter queue",
            probes.delivers_to_topics_that_let_it,
            replaces=[(Rule, "send_to_targets", delivery.delivering)],
            uses=[(EventsBackend, "put_events"), (SNSBackend, "publish"), (Topic, "policy")],
        ),
        Patch(
            "targets that EventBridge refuses",
            probes.refuses_targets_without_a_role,
            replaces=[(EventsBackend, "put_targets", _only_deliverable)],
        ),
        Patch(
            "an API destination on this machine alone",
            probes.keeps_api_destinations_here,
            new=[(Destination, "invocation_endpoint", property(lambda made: getattr(made, _ENDPOINT), _set_endpoint))],
        ),
        Patch(
            "a subscription of a web server on this machine alone",
            probes.keeps_subscriptions_here,
            replaces=[(SNSBackend, "subscribe", _on_this_machine)],
            uses=[(Subscription, "publish")],
        ),
        Patch(
            "receivers by CloudFormation",
            probes.makes_receivers_by_cloudformation,
            new=[(CloudFormationModel, "__subclasses__", staticmethod(resources.all_models))],
            uses=[(Topic, "_create_default_topic_policy"), (EventsBackend, "create_connection")],
        ),
    ]


def _only_deliverable(put_targets: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(put_targets)
    def put(backend: Any, name: str, event_bus_arn: str | None, targets: Sequence[Mapping[str, Any]]) -> None:
        for target in targets:
            kind = kind_of(target["Arn"])
            if kind not in (*SENDERS, *BY_MOTO):
                raise ValidationException(f"The emulator does not deliver events to {kind}: {target['Arn']}.")
            if kind in WITH_A_ROLE and not target.get("RoleArn"):
                raise ValidationException(f"RoleArn is required for target {target['Arn']}.")
        put_targets(backend, name, event_bus_arn, targets)

    return put


def _set_endpoint(destination: Any, url: str) -> None:
    try:
        setattr(destination, _ENDPOINT, check_url(url))
    except NotOnThisMachineError as error:
        raise ValidationException(str(error)) from None


def _on_this_machine(subscribe: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(subscribe)
    def checked(backend: Any, topic_arn: str, endpoint: str, protocol: str) -> Any:
        if protocol in WEB:
            try:
                check_url(endpoint)
            except NotOnThisMachineError as error:
                raise SNSInvalidParameter(str(error)) from None
        return subscribe(backend, topic_arn, endpoint, protocol)

    return checked
