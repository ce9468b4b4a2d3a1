"""What S3 says of one object."""

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from processing.aws import code_of, status_of


def head(s3: Any, bucket: str, key: str) -> Mapping[str, Any] | None:
    """The answer of HeadObject, its ETag without quotes; None when there is no such object."""
    try:
        answer = s3.head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if status_of(error) == 404 and code_of(error) in ("404", "NoSuchKey"):
            return None
        raise
    return {**answer, "ETag": answer["ETag"].strip('"')}
