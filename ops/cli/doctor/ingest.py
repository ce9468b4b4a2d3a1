"""How uploads reach the queue: what the bucket notifies, and who may send."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from ops.cli.doctor.checkup import Checkup
from ops.cli.doctor.deployed import DEPLOY_AGAIN, attributes_of, configuration_of
from ops.cli.doctor.results import CheckResult, fail, ok

EVENTBRIDGE: Final = "eventbridge"
CREATED: Final = "s3:ObjectCreated:*"
REMOVED: Final = ("s3:ObjectRemoved:*", "s3:LifecycleExpiration:*")
"""What the stack sets on its own bucket (resources/ingest.cjs), and the owner on his."""


def advice(checkup: Checkup, output: str, otherwise: str) -> str:
    """What to do about a setting of the uploads bucket; of one that is not the stack's, an output has the setting."""
    if output not in checkup.outputs:
        return otherwise
    return (
        f"The stack leaves this bucket as it is: set its output {output} on the bucket, beside what is there "
        "(docs/deploying.md, Use a bucket that exists)."
    )


def check_notification(checkup: Checkup) -> CheckResult:
    """Whether the uploads bucket sends its events where the stage takes them from."""
    stage = checkup.deployed
    what_to_do = advice(checkup, "UploadsBucketNotification", DEPLOY_AGAIN)
    answer = checkup.client("s3").get_bucket_notification_configuration(Bucket=stage.uploads_bucket)
    if stage.ingest == EVENTBRIDGE:
        if "EventBridgeConfiguration" in answer:
            return ok("the bucket sends its events to EventBridge")
        return fail("the uploads bucket does not send its events to EventBridge", what_to_do)
    where = f"below {stage.uploads_prefix}" if stage.uploads_prefix else "in the whole bucket"
    arn = attributes_of(checkup, stage.queue_url)["QueueArn"]
    entries = [each for each in answer.get("QueueConfigurations", ()) if each["QueueArn"] == arn]
    wanted = (CREATED, *(REMOVED if _takes_removals(checkup) else ()))
    missing = [event for event in wanted if not any(_covers(each, event, stage.uploads_prefix) for each in entries)]
    if not missing:
        return ok(f"the bucket notifies the queue of uploads {where}")
    what = f"not of {', '.join(missing)} {where}" if entries else "not at all"
    return fail(f"the uploads bucket notifies the queue {what}", what_to_do)


def check_queue_policy(checkup: Checkup) -> CheckResult:
    """Whether S3, or the rule of EventBridge, may send to the queue."""
    stage = checkup.deployed
    who, service, source = "S3", "s3.amazonaws.com", f":s3:::{stage.uploads_bucket}"
    if stage.ingest == EVENTBRIDGE:
        who, service, source = "EventBridge", "events.amazonaws.com", f":rule/{checkup.stack_name}-uploads"
    policy = json.loads(attributes_of(checkup, stage.queue_url).get("Policy") or "{}")
    if any(_lets_send(statement, service, source) for statement in policy.get("Statement", ())):
        return ok(f"{who} may send to the queue, for the uploads bucket alone")
    return fail(f"the queue's policy does not let {who} send for the uploads bucket", DEPLOY_AGAIN)


def _takes_removals(checkup: Checkup) -> bool:
    return bool(configuration_of(checkup).get("Environment", {}).get("Variables", {}).get("REMOVALS") == "true")


def _covers(entry: Mapping[str, Any], event: str, prefix: str) -> bool:
    """Whether a notification is sent of every such event below the prefix."""
    listed = entry.get("Filter", {}).get("Key", {}).get("FilterRules", ())
    rules = {rule["Name"].lower(): rule["Value"] for rule in listed}
    return event in entry["Events"] and prefix.startswith(rules.get("prefix", "")) and not rules.get("suffix")


def _lets_send(statement: Mapping[str, Any], service: str, source: str) -> bool:
    principal, condition = statement.get("Principal", {}), json.dumps(statement.get("Condition", {}))
    services = _listed(principal.get("Service", ())) if isinstance(principal, dict) else ()
    actions = {action.lower() for action in _listed(statement.get("Action", ()))}
    return (
        statement.get("Effect") == "Allow"
        and service in services
        and not actions.isdisjoint(("sqs:sendmessage", "sqs:*"))
        and f'{source}"' in condition
    )


def _listed(value: Any) -> Sequence[str]:
    return [value] if isinstance(value, str) else list(value)
