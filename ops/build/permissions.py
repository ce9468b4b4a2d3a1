"""The IAM permissions of each command: compared with its requests and the operator's policy, and shown in the docs.

``python -m ops.build.permissions --write`` writes the table into docs/operating.md.
"""

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from ops.build.generated import print_or_write, with_section
from ops.cli.checkout import ROOT

PAGE: Final = ROOT / "docs" / "operating.md"
BEGIN: Final = "<!-- permissions: begin -->"
END: Final = "<!-- permissions: end -->"
REGENERATE: Final = "python -m ops.build.permissions --write"

RESOURCES: Final[Mapping[str, str]] = {
    "uploads": "the uploads bucket, and the objects below the prefix",
    "variants": "the variants bucket, and its objects",
    "table": "the images table",
    "queue": "the uploads queue",
    "dlq": "the dead-letter queue",
    "bus": "the bus for events, if the stage has one",
    "events-dlq": "the dead-letter queue of the announcer, if the stage has one",
    "consumer": "the consumer function",
    "mapping": "its event source mapping",
    "reserved": "the objects below the doctor's folder in the uploads bucket",
    "topic": "the topic of the alarms",
    "logs": "the log groups of the functions",
    "any": "all resources, because IAM supports nothing narrower",
}

# An action and its resource. Without ListBucket, a missing object reads as forbidden.
FIND: Final = ("cloudformation:DescribeStacks stack",)
LOOK_AT_UPLOADS: Final = ("s3:GetObject uploads", "s3:ListBucket uploads")
LOOK_AT_VARIANTS: Final = ("s3:GetObject variants", "s3:ListBucket variants")
RECORDS: Final = ("dynamodb:BatchGetItem table",)
SEND: Final = ("sqs:SendMessage queue",)
DEPTH: Final = ("sqs:GetQueueAttributes queue",)
RECIPE: Final = ("lambda:GetFunction consumer",)  # of a stage whose recipe is not that of the checkout
DEAD_MESSAGES: Final = (
    *("sqs:GetQueueAttributes dlq", "sqs:ReceiveMessage dlq", "sqs:ChangeMessageVisibility dlq"),
    *(*RECORDS, *RECIPE),
)
HISTORY: Final = ("dynamodb:PutItem table",)  # under the key of the history alone: the policy's condition
MOVE: Final = ("sqs:StartMessageMoveTask dlq", "sqs:ListMessageMoveTasks dlq", "sqs:CancelMessageMoveTask dlq")
MAPPING: Final = ("lambda:ListEventSourceMappings any",)
CONSUMER: Final = ("lambda:GetFunctionConfiguration consumer",)
SETTINGS: Final = (*CONSUMER, *MAPPING, *DEPTH)  # the mapping is found by the queue's ARN, which is an attribute
SWITCH: Final = (*MAPPING, "lambda:GetEventSourceMapping mapping", "lambda:UpdateEventSourceMapping mapping")
LOGS: Final = ("logs:FilterLogEvents logs",)
METRICS: Final = ("cloudwatch:GetMetricData any", "cloudwatch:ListMetrics any")
UPLOAD: Final = (*LOOK_AT_UPLOADS, *RECIPE, "s3:PutObject uploads", "s3:AbortMultipartUpload uploads")
DIAGNOSIS: Final = (
    *(*SETTINGS, "sqs:GetQueueAttributes dlq", "lambda:GetEventSourceMapping mapping", "lambda:GetAccountSettings any"),
    *("s3:GetBucketNotification uploads", "cloudwatch:DescribeAlarms any", "sns:ListSubscriptionsByTopic topic"),
    "logs:FilterLogEvents logs",
)
TRIAL: Final = (
    *(*LOOK_AT_UPLOADS, "s3:PutObject uploads", "s3:DeleteObject reserved"),
    *(*LOOK_AT_VARIANTS, "s3:DeleteObject variants", *DEAD_MESSAGES, "sqs:DeleteMessage dlq"),
)

ERASE_IN_S3: Final = (
    *("ListBucketVersions", "GetBucketObjectLockConfiguration", "GetObjectVersion", "DeleteObjectVersion"),
    *("GetObjectRetention", "GetObjectLegalHold"),
)

AUDIT: Final = (*FIND, *LOOK_AT_UPLOADS, *LOOK_AT_VARIANTS, *RECORDS, *DEPTH, "sqs:GetQueueAttributes dlq", *RECIPE)

NEEDS: Final[Mapping[str, Sequence[str]]] = {
    "upload": (*FIND, *UPLOAD),
    "upload --wait": (*FIND, *UPLOAD, *RECORDS),
    "doctor": (*FIND, *DIAGNOSIS, *TRIAL),
    "status": (
        *(*FIND, *DEPTH, "sqs:GetQueueAttributes dlq", *MAPPING, "lambda:GetAccountSettings any"),
        *(*METRICS, *CONSUMER, "cloudwatch:DescribeAlarms any", "dynamodb:Scan table"),
    ),
    "show": (*FIND, *LOOK_AT_UPLOADS, *LOOK_AT_VARIANTS, "dynamodb:Query table", *RECIPE),
    "status --parameters": FIND,
    "logs": (*FIND, *LOGS, "dynamodb:Query table"),
    "pause": (*FIND, *DEPTH, *SWITCH),
    "resume": (*FIND, *DEPTH, *SWITCH),
    "backfill --dry-run": (*FIND, "s3:ListBucket uploads", *SETTINGS, *RECORDS, *RECIPE),
    "backfill": (*FIND, *LOOK_AT_UPLOADS, *SEND, *DEPTH, *RECIPE),
    "backfill --missing": (*FIND, *LOOK_AT_UPLOADS, *SEND, *DEPTH, *RECORDS, *RECIPE),
    "audit": AUDIT,
    "audit --repair": (*(*AUDIT, *SEND, "s3:DeleteObject variants", *CONSUMER),),
    "announce": (*FIND, "dynamodb:Scan table", "events:PutEvents bus"),
    "announce --lost": (
        *(*FIND, "dynamodb:Scan table", "events:PutEvents bus", "sqs:GetQueueAttributes events-dlq"),
        *(f"sqs:{action} events-dlq" for action in ("ReceiveMessage", "ChangeMessageVisibility", "DeleteMessage")),
    ),
    "replay OBJECT": (*FIND, *LOOK_AT_UPLOADS, "dynamodb:Query table", *RECIPE),
    "replay ID": (*FIND, *LOOK_AT_UPLOADS, *DEAD_MESSAGES),
    "replay --sandbox": (*FIND, *LOOK_AT_UPLOADS, "dynamodb:Query table", *CONSUMER, *RECIPE),
    "estimate --stage": (*FIND, *SETTINGS, *RECIPE),
    "dlq groups": (*FIND, *DEAD_MESSAGES),
    "dlq list": (*FIND, *DEAD_MESSAGES),
    "dlq show": (*FIND, *DEAD_MESSAGES, *LOOK_AT_UPLOADS, *LOGS),
    "dlq redrive": (
        *(*FIND, *DEAD_MESSAGES, *SEND, "sqs:DeleteMessage dlq"),
        *(*HISTORY, *CONSUMER),
    ),
    "dlq redrive --native": (
        *(*FIND, "sqs:GetQueueAttributes dlq", *DEPTH, *MOVE, "sqs:ReceiveMessage dlq", "sqs:DeleteMessage dlq"),
        *(*SEND, *HISTORY),
    ),
    "dlq history": (*FIND, "dynamodb:Query table"),
    "dlq export": (*FIND, *DEAD_MESSAGES),
    "dlq import": (*FIND, "sqs:SendMessage dlq", *HISTORY),
    "dlq import --to-queue": (*FIND, *SEND, *HISTORY),
    "dlq purge": (*FIND, *DEAD_MESSAGES, "sqs:DeleteMessage dlq", *HISTORY),
}

ERASE: Final = (
    *(*FIND, "s3:ListBucket uploads", *LOOK_AT_VARIANTS, "logs:DescribeLogGroups any", *DEPTH),
    *(f"s3:{action} {bucket}" for bucket in ("uploads", "variants") for action in ERASE_IN_S3),
    *(f"dynamodb:{name} table" for name in ("GetItem", "Query", "Scan", "PutItem", "UpdateItem", "DeleteItem")),
    *("sqs:GetQueueAttributes dlq", "sqs:ReceiveMessage dlq", "sqs:ChangeMessageVisibility dlq"),
    *("sqs:DeleteMessage dlq", "s3:ListBucketMultipartUploads uploads", "s3:AbortMultipartUpload uploads"),
    *("events:PutEvents bus", *RECIPE),
)

ERASING: Final[Mapping[str, Sequence[str]]] = {"erase": ERASE}
"""The commands that the operator's policy does not allow: the eraser's does."""

COMMANDS: Final[Mapping[str, Sequence[str]]] = {**NEEDS, **ERASING}

WITHOUT: Final = ("start", "local")
"""Commands that send no request to AWS."""


SECTION: Final = """\
The stack has a managed policy, its output `OperatorPolicyArn`, with exactly the permissions that these commands use, on
this stage alone: attach it to the role of the operators. It cannot write records of images; in the images table it may
put only the history of redrives. `erase` has a separate policy, the output `EraserPolicyArn` of a stage
with `erasure: true`.

The policy exists only once the stage does, so it does not cover `doctor --before`: run that with the deploying role.
`doctor` also uses iam:SimulatePrincipalPolicy and iam:GetRole if allowed; otherwise it skips its check of permissions.

Every command finds the stage with cloudformation:DescribeStacks on its stack; {without} send no request to AWS, nor
does `estimate` without `--stage`. In addition:

| command | actions |
|---|---|
{rows}

{resources}

The table is generated (`{regenerate}`), and a test compares it with the requests of each command on
the local stack and with the deployed policy: `tests/ops/build/test_permissions.py`.
"""


def all_needs(commands: Mapping[str, Sequence[str]] = NEEDS) -> set[str]:
    """What the policy for these commands grants: no more, no less."""
    return {need for needs in commands.values() for need in needs}


def section() -> str:
    """What stands in docs/operating.md between the markers."""
    alike: dict[str, list[str]] = {}
    for command, needs in COMMANDS.items():
        alike.setdefault(_in_words(needs), []).append(f"`{command}`")
    return SECTION.format(
        rows="\n".join(f"| {', '.join(commands)} | {needs} |" for needs, commands in alike.items()),
        resources="\n".join(f"- *{name}*: {what}" for name, what in RESOURCES.items()),
        without=", ".join(f"`{name}`" for name in WITHOUT),
        regenerate=REGENERATE,
    ).rstrip()


def page(text: str) -> str:
    """The page with the section as it is now."""
    return with_section(text, BEGIN, END, section())


def _in_words(needs: Iterable[str]) -> str:
    """Actions by what they are done to, without the one that all need."""
    by_resource: dict[str, list[str]] = {}
    for need in (need for need in needs if need not in FIND):
        action, resource = need.split()
        by_resource.setdefault(resource, []).append(action)
    return "; ".join(f"*{resource}*: {', '.join(sorted(set(actions)))}" for resource, actions in by_resource.items())


def main(arguments: Sequence[str]) -> int:
    """Write the section, or with no arguments print it."""
    return print_or_write(
        arguments,
        usage=REGENERATE,
        shown=lambda: section() + "\n",
        files={PAGE: lambda: page(PAGE.read_text(encoding="utf-8"))},
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
