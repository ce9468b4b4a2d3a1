"""What an operation asks of IAM: the actions, and where."""

from collections.abc import Mapping
from typing import Any

READ, WRITE = "s3:GetObject {}", "s3:PutObject {}"
LIST = "s3:ListBucket {}"  # without it, what is missing reads as forbidden
MOVE = ("sqs:StartMessageMoveTask {}", "sqs:ReceiveMessage {}", "sqs:DeleteMessage {}", "sqs:SendMessage queue")
ACTIONS: Mapping[tuple[str, ...], tuple[str, ...]] = {
    ("s3", "GetObject"): (READ, LIST),
    ("s3", "HeadObject"): (READ, LIST),
    ("s3", "ListObjectsV2"): (LIST,),
    ("s3", "ListObjectVersions"): ("s3:ListBucketVersions {}",),
    ("s3", "ListMultipartUploads"): ("s3:ListBucketMultipartUploads {}",),
    ("s3", "HeadObject", "VersionId"): ("s3:GetObjectVersion {}", LIST),
    ("s3", "DeleteObject", "VersionId"): ("s3:DeleteObjectVersion {}",),
    ("cloudwatch logs", "DescribeLogGroups"): ("logs:DescribeLogGroups any",),
    ("s3", "GetObjectLockConfiguration"): ("s3:GetBucketObjectLockConfiguration {}",),
    ("s3", "CreateMultipartUpload"): (WRITE,),
    ("s3", "UploadPart"): (WRITE,),
    ("s3", "CompleteMultipartUpload"): (WRITE,),
    ("sqs", "SendMessageBatch"): ("sqs:SendMessage {}",),
    ("sqs", "DeleteMessageBatch"): ("sqs:DeleteMessage {}",),
    ("sqs", "ChangeMessageVisibilityBatch"): ("sqs:ChangeMessageVisibility {}",),
    ("sqs", "StartMessageMoveTask"): MOVE,  # which SQS does in the caller's name
    ("s3", "CreateBucket"): (WRITE,),  # so boto3 signs a presigned POST; nothing here creates a bucket
    ("s3", "GetBucketNotificationConfiguration"): ("s3:GetBucketNotification {}",),
    ("cloudwatch logs", "FilterLogEvents"): ("logs:FilterLogEvents {}",),
    ("eventbridge", "PutEvents"): ("events:PutEvents {}",),
    ("s3", "HeadBucket"): (LIST,),  # botocore's own, to follow a redirection
    ("sts", "GetCallerIdentity"): (),  # everybody may
    ("sts", "AssumeRoleWithWebIdentity"): (),  # botocore's own; the role's trust decides
}
"""What an operation asks of IAM, where that is not the action of its own name."""

CONDITIONAL = ("PutObject", "DeleteObject")
"""Where If-Match needs the right to read as well:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html"""


def actions_of(service: str, operation: str, params: Mapping[str, Any]) -> tuple[str, ...]:
    """What an operation of boto3 asks of IAM, each with a gap for the resource.

    Args:
        service: by its id, such as ``EventBridge``.
    """
    kind = service.lower()
    of_a_version = ("VersionId",) if "VersionId" in params else ()
    actions = ACTIONS.get((kind, operation, *of_a_version), (f"{kind}:{operation} {{}}",))
    return (*actions, READ) if kind == "s3" and operation in CONDITIONAL and "IfMatch" in params else actions
