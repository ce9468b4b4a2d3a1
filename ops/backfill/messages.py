"""What the consumer is told of an object: an S3 notification as S3 writes it, and who really wrote it."""

import json
from datetime import UTC
from typing import Any
from urllib.parse import quote_plus

from ops.backfill.sources import Found


def body(found: Found, *, bucket: str, region: str, author: str) -> str:
    """A notification of an object; ``author`` is the command that made it, and stands where S3 says ``aws:s3``.

    It has no sequencer, for only S3 can give one. Its time is the object's, which the images table keeps.
    """
    record: dict[str, Any] = {
        "eventVersion": "2.1",
        "eventSource": f"darkroom:{author}",
        "awsRegion": region,
        "eventName": "ObjectCreated:Put",
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": f"darkroom-{author}",
            "bucket": {"name": bucket, "arn": f"arn:aws:s3:::{bucket}"},
            "object": {"key": quote_plus(found.key), "size": found.size, "eTag": found.etag},
        },
    }
    return json.dumps({"Records": [record | _time(found)]})


def _time(found: Found) -> dict[str, str]:
    if found.modified is None:
        return {}
    return {"eventTime": found.modified.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")}
