"""What is deployed, as AWS has it: function, mapping, queues, alarms, and what the function logs."""

import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, Final

from ops.cli.alarms import alarms_of
from ops.cli.doctor.checkup import Checkup
from ops.cli.doctor.results import CheckResult, fail, ok, skipped, warn
from ops.cli.mapping import ENABLED, mapping_of

REPORTS: Final = "ReportBatchItemFailures"
LOG_WINDOW: Final = timedelta(hours=6)
LOG_PAGES: Final = 20
STARTED: Final = "started"  # the message of the line that the consumer logs when an environment begins
TIMES: Final = 6  # function timeouts in a visibility timeout: AWS's rule for SQS event sources
DEPLOY_AGAIN: Final = "Deploy the stage again."


def check_function(checkup: Checkup) -> CheckResult:
    """Whether the consumer can run, and works for this stage's buckets, table and queue."""
    stage = checkup.deployed
    answer = configuration_of(checkup)
    variables = answer.get("Environment", {}).get("Variables", {})
    wanted = {
        "UPLOADS_BUCKET": stage.uploads_bucket,
        "UPLOADS_PREFIX": stage.uploads_prefix,
        "VARIANTS_BUCKET": stage.variants_bucket,
        "IMAGES_TABLE": stage.images_table,
        "QUEUE_URL": stage.queue_url,
    }
    wrong = [
        f"{name} is {variables.get(name) or 'not set'}, not {value}"
        for name, value in wanted.items()
        if variables.get(name) != value
    ]
    states = [f"{name} {answer[name]}" for name in ("State", "LastUpdateStatus") if answer.get(name, "") == "Failed"]
    if wrong or states:
        return fail("; ".join([*states, *wrong]), DEPLOY_AGAIN)
    facts = {"runtime": answer["Runtime"], "memory": answer["MemorySize"], "architecture": answer["Architectures"][0]}
    code = f"v{variables.get('CODE_VERSION', '')}"  # or one that is all digits would be taken for an account id
    sentence = f"{facts['runtime']}, {facts['memory']:,} MB, {facts['architecture']}, code {code}"
    return ok(sentence, **facts)


def check_mapping(checkup: Checkup) -> CheckResult:
    """Whether Lambda takes messages from the queue, and gets the failed ones of a batch by name."""
    mapping = mapping_of(checkup.deployed)
    answer = checkup.client("lambda").get_event_source_mapping(UUID=mapping.uuid)
    if mapping.state != ENABLED:
        resume = checkup.deployed.command("resume")
        return fail(f"{mapping.state}: uploads wait in the queue", f"If that is not meant: {resume}")
    if REPORTS not in answer.get("FunctionResponseTypes", ()):
        return fail(f"without {REPORTS}: failed images count as done", DEPLOY_AGAIN)
    if answer.get("FilterCriteria", {}).get("Filters"):
        return fail("has a filter: SQS deletes messages that it does not match", "Remove the filter.")
    if "PROBLEM" in (last := answer.get("LastProcessingResult", "")):
        return fail(f"Enabled, and Lambda reports: {last}", "Restore what the consumer's role has lost.")
    return ok(f"Enabled, batches of {mapping.batch_size:,}")


def check_redrive(checkup: Checkup) -> CheckResult:
    """Whether what fails goes to the dead-letter queue, after as many receives as the consumer counts with."""
    stage, problems = checkup.deployed, list[str]()
    queue, dead = (attributes_of(checkup, url) for url in (stage.queue_url, stage.dlq_url))
    policy = json.loads(queue.get("RedrivePolicy") or "{}")
    if not policy:
        return fail("the uploads queue has no redrive policy: failed messages come back for ever", DEPLOY_AGAIN)
    if policy["deadLetterTargetArn"] != dead["QueueArn"]:
        problems.append("the redrive policy names another dead-letter queue")
    answer = configuration_of(checkup)
    receives = answer.get("Environment", {}).get("Variables", {}).get("MAX_RECEIVE_COUNT")
    if str(policy["maxReceiveCount"]) != receives:
        problems.append(f"SQS allows {policy['maxReceiveCount']} receives, and the consumer counts with {receives}")
    hidden, timeout = int(queue["VisibilityTimeout"]), int(answer["Timeout"])
    if hidden < TIMES * timeout:
        problems.append(f"the visibility timeout is {hidden} s, less than {TIMES} x {timeout} s")
    kept, buried = (int(each["MessageRetentionPeriod"]) for each in (queue, dead))
    if buried <= kept:
        problems.append("dead letters are not kept for longer than uploads")
    if problems:
        return fail("; ".join(problems), DEPLOY_AGAIN)
    return ok(f"after {policy['maxReceiveCount']} receives; dead letters are kept for {buried // 86400} days")


def check_alarms(checkup: Checkup) -> CheckResult:
    """Whether the alarms reach somebody."""
    topic, names = (
        checkup.outputs["AlarmTopic"],
        [f"{checkup.stack_name}-{name}" for name in alarms_of(checkup.outputs)],
    )
    answer = checkup.client("cloudwatch").describe_alarms(AlarmNames=names)
    alarms = {
        alarm["AlarmName"]
        for alarm in answer["MetricAlarms"]
        if topic in alarm.get("AlarmActions", ()) and alarm.get("ActionsEnabled", True)
    }
    if silent := [name for name in names if name not in alarms]:
        return fail(f"alarms that are missing or reach no topic: {', '.join(silent)}", DEPLOY_AGAIN)
    pages = checkup.client("sns").get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic)
    subscribed = [each["SubscriptionArn"] for page in pages for each in page["Subscriptions"]]
    pending = sum(arn == "PendingConfirmation" for arn in subscribed)
    facts = {"alarms": len(alarms), "confirmed": len(subscribed) - pending, "pending": pending}
    if not subscribed:
        return warn(
            f"{len(alarms)} alarms, and nobody is subscribed to them",
            "Deploy with --param alarmEmail=ADDRESS, or subscribe to the stack's output AlarmTopic.",
            **facts,
        )
    if pending:
        advice = "Open the message of AWS Notifications and confirm; look into the spam folder too."
        return warn(f"{pending} of {len(subscribed)} subscriptions wait for their confirmation", advice, **facts)
    return ok(f"{len(alarms)} alarms, {len(subscribed)} confirmed to receive them", **facts)


def check_runtime(checkup: Checkup) -> CheckResult:
    """What the function says of its own environment, in the line that it logs when one begins."""
    group = f"/aws/lambda/{checkup.deployed.consumer}"
    line = next(_started(checkup, group), None)
    if line is None:
        return skipped(f"{group} has no line '{STARTED}' of the last {LOG_WINDOW.seconds // 3600} hours")
    facts = {name: line[name] for name in sorted(line) if name not in ("level", "message")}
    sentence = ", ".join(f"{name} {value}" for name, value in facts.items() if not isinstance(value, dict | list))
    if line.get("rendering") == "in-process":
        return warn(
            sentence, "Images are rendered without child processes: one poison image ends its whole batch.", **facts
        )
    return ok(sentence, **facts)


def _started(checkup: Checkup, group: str) -> Iterator[Mapping[str, Any]]:
    request = {
        "logGroupName": group,
        "filterPattern": f'{{ $.message = "{STARTED}" }}',
        "startTime": int((checkup.clock() - LOG_WINDOW.total_seconds()) * 1000),
    }
    pages = checkup.client("logs").get_paginator("filter_log_events").paginate(**request)
    for number, page in enumerate(pages):
        lines = (_json(event["message"]) for event in reversed(page["events"]))
        yield from (line for line in lines if line.get("message") == STARTED and "rendering" in line)
        if number + 1 == LOG_PAGES:
            return


def _json(text: str) -> Mapping[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def configuration_of(checkup: Checkup) -> Mapping[str, Any]:
    """The consumer as Lambda has it."""
    answer: Mapping[str, Any] = checkup.client("lambda").get_function_configuration(
        FunctionName=checkup.deployed.consumer
    )
    return answer


def attributes_of(checkup: Checkup, url: str) -> Mapping[str, str]:
    """All of a queue."""
    answer: Mapping[str, str] = checkup.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])[
        "Attributes"
    ]
    return answer
