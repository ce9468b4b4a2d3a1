"""What each function does on AWS: an action and a place each, by the switch that it takes.

`recorder` sees every request of the code in every test, and tests/conftest.py refuses one that is missing here. `plays`
plays every branch; nothing may be here that no play requests. `holders` and `rights` compare the list with the packaged
template.
"""

from collections.abc import Collection, Mapping, Sequence

ALWAYS = ""
POLL = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
STREAM = ("GetRecords", "GetShardIterator", "DescribeStream", "ListStreams")
NETWORK = ("CreateNetworkInterface", "DeleteNetworkInterface", "AssignPrivateIpAddresses", "UnassignPrivateIpAddresses")

CONSUMER = {
    ALWAYS: (
        *("s3:GetObject upload", "s3:ListBucket UploadsBucket", "s3:GetObject variant", "s3:ListBucket VariantsBucket"),
        *("s3:PutObject variant", "dynamodb:UpdateItem record", "sqs:ChangeMessageVisibility UploadsQueue"),
    ),
    "removals": ("s3:DeleteObject variant",),
}
NEEDS: Mapping[str, Mapping[str, Sequence[str]]] = {
    "ConsumerRole": CONSUMER,
    "TaskRole": {**CONSUMER, ALWAYS: (*CONSUMER[ALWAYS], *(f"{action} UploadsQueue" for action in POLL))},
    "ApiRole": {
        ALWAYS: (
            *("s3:PutObject upload", "s3:GetObject upload", "s3:ListBucket UploadsBucket"),
            *("s3:GetObject variant", "s3:ListBucket VariantsBucket"),
            *(f"dynamodb:{action} owner" for action in ("GetItem", "BatchGetItem", "Query", "BatchWriteItem")),
            *("dynamodb:Query record", "dynamodb:BatchGetItem record"),
        ),
        "erasure": (
            *("dynamodb:PutItem intent", "dynamodb:UpdateItem intent", "dynamodb:GetItem intent"),
            "sqs:SendMessage ErasuresQueue",
        ),
    },
    "AnnouncerRole": {"events": ("events:PutEvents ImagesBus",)},
    "EraserRole": {
        "erasure": (
            *(f"s3:ListBucket{what} {bucket}Bucket" for what in ("", "Versions") for bucket in ("Uploads", "Variants")),
            *(f"s3:GetBucketObjectLockConfiguration {bucket}Bucket" for bucket in ("Uploads", "Variants")),
            *(f"s3:{action}ObjectVersion {place}" for action in ("Get", "Delete") for place in ("upload", "variant")),
            *("s3:GetObject variant", "s3:ListBucketMultipartUploads UploadsBucket", "s3:AbortMultipartUpload upload"),
            *("dynamodb:Query record", "dynamodb:DeleteItem record"),
            *("dynamodb:GetItem owner", "dynamodb:DeleteItem owner"),
            *(f"dynamodb:{action}Item intent" for action in ("Get", "Update", "Delete")),
            *("dynamodb:PutItem receipt", "sqs:ChangeMessageVisibility ErasuresQueue"),
        ),
        "events": ("events:PutEvents ImagesBus",),
    },
}
"""By the role of a function, and of the container's task, which is the consumer outside Lambda."""


def of_lambda(function: str) -> dict[str, str]:
    """What Lambda does in the name of a function's role."""
    return {
        f"logs:{action} {function}LogGroup": "Lambda writes the log" for action in ("CreateLogStream", "PutLogEvents")
    }


BY_AWS: Mapping[str, Mapping[str, str]] = {
    "ConsumerRole": of_lambda("Consumer")
    | {f"{action} UploadsQueue": "Lambda polls the queue and deletes what succeeded" for action in POLL},
    "ApiRole": of_lambda("Api"),
    "AnnouncerRole": of_lambda("Announcer")
    | {f"dynamodb:{action} stream": "Lambda polls the stream" for action in STREAM}
    | {"sqs:SendMessage EventsDlq": "Lambda sets aside what fails for too long"},
    "EraserRole": of_lambda("Eraser")
    | {f"{action} ErasuresQueue": "Lambda polls the queue and deletes what succeeded" for action in POLL}
    | {
        f"s3:GetObject{lock} {place}": "S3 shows a lock in HeadObject to whoever may see it"
        for lock in ("Retention", "LegalHold")
        for place in ("upload", "variant")
    },
}
"""What a role needs that no code of ours requests, and why."""

OF_EVERY_FUNCTION: Mapping[str, Sequence[str]] = {
    "vpcSubnets": (
        *(f"ec2:{action} interface" for action in NETWORK),
        *("ec2:DescribeNetworkInterfaces anything", "ec2:DescribeSubnets anything"),
    ),
    "tracing": ("xray:PutTraceSegments anything", "xray:PutTelemetryRecords anything"),
}
"""What Lambda does in the name of every function's role, by the switch that it takes."""


def needs_of(role: str, switches: Collection[str]) -> set[str]:
    """What the code of a role does on a stage with these switches."""
    needs = NEEDS[role]
    return {need for switch, each in needs.items() if switch == ALWAYS or switch in switches for need in each}


def unlisted(role: str, needs: Collection[str]) -> list[str]:
    """Those of the needs that a role has with no switch whatever."""
    return sorted(need for need in needs if not any(need in each for each in NEEDS[role].values()))
