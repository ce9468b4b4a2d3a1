"""What S3 says of one object."""

from collections.abc import Mapping
from typing import Any

from processing import store


def head(s3: Any, bucket: str, key: str) -> Mapping[str, Any] | None:
    """The answer of HeadObject, its ETag without quotes; None when there is no such object."""
    answer = store.head(s3, bucket, key)
    return None if answer is None else {**answer, "ETag": answer["ETag"].strip('"')}
