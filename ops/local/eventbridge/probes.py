"""Whether moto does by now what the patches of EventBridge add: as in ``moto_probes``, with what is gone afterwards."""

import json
from typing import Any, Final

from moto.core.common_models import CloudFormationModel
from moto.core.exceptions import ServiceException
from moto.events.exceptions import ValidationException
from moto.events.models import Destination, events_backends
from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends

from ops.local.moto_probes import PLACE

ELSEWHERE: Final = "https://www.example.com/"


def delivers_to_topics_that_let_it() -> bool:
    """Whether an event comes to a topic whose policy lets EventBridge in, and to no other."""
    region, account = PLACE
    events, sns, sqs = events_backends[account][region], sns_backends[account][region], sqs_backends[account][region]
    queue, topic = sqs.create_queue("probe"), sns.create_topic("probe")
    sns.subscribe(topic.arn, queue.queue_arn, "sqs")
    events.put_rule("probe", event_pattern='{"source": ["probe"]}')
    events.put_targets("probe", None, [{"Id": "probe", "Arn": topic.arn}])
    counts = []
    try:
        for service in ("s3", "events"):
            statement = {"Effect": "Allow", "Principal": {"Service": f"{service}.amazonaws.com"},
                         "Action": "sns:Publish", "Resource": topic.arn}  # fmt: skip
            topic.policy = json.dumps({"Statement": [statement]})
            events.put_events([{"Source": "probe", "DetailType": "probe", "Detail": "{}"}])
            counts.append(len(sqs.receive_message("probe", 10, 0, 60)))
    except NotImplementedError:
        return False
    finally:
        events.remove_targets("probe", None, ["probe"])
        events.delete_rule("probe", None)
        sns.delete_topic(topic.arn)
        sqs.delete_queue("probe")
    return counts == [0, 1]


def refuses_targets_without_a_role() -> bool:
    """Whether PutTargets refuses a state machine without a role that may start it."""
    region, account = PLACE
    events = events_backends[account][region]
    events.put_rule("probe", event_pattern='{"source": ["probe"]}')
    try:
        arn = f"arn:aws:states:{region}:{account}:stateMachine:probe"
        events.put_targets("probe", None, [{"Id": "probe", "Arn": arn}])
    except ValidationException:
        return True
    finally:
        events.remove_targets("probe", None, ["probe"])
        events.delete_rule("probe", None)
    return False


def keeps_api_destinations_here() -> bool:
    """Whether an API destination on another machine is refused."""
    region, account = PLACE
    made: Any = Destination
    try:
        made("probe", account, region, "", "", ELSEWHERE, 1, "POST")
    except ValidationException:
        return True
    return False


def keeps_subscriptions_here() -> bool:
    """Whether a subscription of a web server on another machine is refused."""
    region, account = PLACE
    sns = sns_backends[account][region]
    topic = sns.create_topic("probe")
    try:
        sns.subscribe(topic.arn, ELSEWHERE, "https")
    except ServiceException:
        return True
    finally:
        for each in [each for each in sns.subscriptions.values() if each.topic is topic]:
            sns.unsubscribe(each.arn)
        sns.delete_topic(topic.arn)
    return False


def makes_receivers_by_cloudformation() -> bool:
    """Whether CloudFormation makes a connection."""
    models: list[Any] = CloudFormationModel.__subclasses__()
    return "AWS::Events::Connection" in [model.cloudformation_type() for model in models]
