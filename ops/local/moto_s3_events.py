"""S3's events on EventBridge's default bus, in the form that AWS documents.

moto writes ``eTag``, a version "null" for a bucket that keeps none, the reason "ObjectCreated" and one sequencer for
all, sends them to the rules of every bus, whether enabled or not, and says nothing of a target that fails.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
"""

import copy
import functools
import logging
import time
import uuid
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Final
from xml.etree import ElementTree

from moto.core.utils import unix_time
from moto.events.models import EventsBackend, events_backends
from moto.events.utils import _BASE_EVENT_MESSAGE
from moto.s3 import notifications
from moto.s3.models import S3Backend
from moto.s3.responses import S3Response

from ops.local import moto_s3_probes
from ops.local.patch import Patch

NAMESPACE: Final = "http://s3.amazonaws.com/doc/2006-03-01/"
REASONS: Final = {
    "ObjectCreated:Put": "PutObject",
    "ObjectCreated:Post": "POST Object",
    "ObjectCreated:Copy": "CopyObject",
    "ObjectCreated:CompleteMultipartUpload": "CompleteMultipartUpload",
    "ObjectRemoved:Delete": "DeleteObject",
    "ObjectRemoved:DeleteMarkerCreated": "DeleteObject",
    "LifecycleExpiration:Delete": "Lifecycle Expiration",
    "LifecycleExpiration:DeleteMarkerCreated": "Lifecycle Expiration",
}
_COMPLETES: Final = ContextVar("_COMPLETES", default=False)
DELETIONS: Final = {"Delete": "Permanently Deleted", "DeleteMarkerCreated": "Delete Marker Created"}


def patches() -> list[Patch]:
    """What makes moto send them so, and say that a bucket does."""
    return [
        Patch(
            "S3's events on EventBridge, as AWS writes them",
            moto_s3_probes.sends_documented_events,
            replaces=[(notifications, "_send_event_bridge_message", lambda _: send)],
            uses=[(notifications, "_detail_type"), (EventsBackend, "put_rule")],
        ),
        Patch(
            "a bucket's switch for EventBridge, in its notification configuration",
            moto_s3_probes.names_the_switch_for_events,
            replaces=[(S3Response, "get_bucket_notification", _with_switch)],
        ),
        Patch(
            "one event of an upload in parts",
            moto_s3_probes.sends_one_event_of_an_upload_in_parts,
            replaces=[
                (S3Backend, "complete_multipart_upload", _completing),
                (S3Backend, "put_object", _without_event_while_completing),
            ],
        ),
    ]


def _completing(complete: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(complete)
    def completing(*arguments: Any, **named: Any) -> Any:
        before = _COMPLETES.set(True)
        try:
            return complete(*arguments, **named)
        finally:
            _COMPLETES.reset(before)

    return completing


def _without_event_while_completing(put: Callable[..., Any]) -> Callable[..., Any]:
    """Moto stores the whole object by a PUT, whose event would come before that of the upload's completion."""

    @functools.wraps(put)
    def put_object(*arguments: Any, **named: Any) -> Any:
        silent = {"disable_notification": True} if _COMPLETES.get() else {}
        return put(*arguments, **named | silent)

    return put_object


def send(account: str, bucket: Any, event_name: str, key: Any) -> None:
    """Send one event to each enabled rule of the default bus that matches it, as S3 does: whatever becomes of that."""
    event: Any = copy.deepcopy(dict(_BASE_EVENT_MESSAGE)) | {
        "id": str(uuid.uuid4()),
        "detail-type": notifications._detail_type(event_name),
        "source": "aws.s3",
        "account": account,
        "time": unix_time(),
        "region": bucket.region_name,
        "resources": [bucket.arn],
        "detail": _detail(account, bucket, event_name, key),
    }
    default = events_backends[account][bucket.region_name].event_buses["default"]
    for rule in [each for each in default.rules.values() if each.state == "ENABLED" and each.event_pattern]:
        try:
            rule.send_to_targets(copy.deepcopy(event), transform_input=False)
        except Exception:
            logging.getLogger(__name__).exception("the rule %s cannot be played", rule.name)


def _with_switch(get: Callable[[S3Response], Any]) -> Callable[[S3Response], Any]:
    @functools.wraps(get)
    def wrapped(response: S3Response) -> Any:
        status, headers, body = get(response)
        configuration: Any = response.backend.get_bucket_notification_configuration(response.bucket_name)
        if configuration and configuration.event_bridge is not None:
            root = ElementTree.fromstring(body)  # noqa: S314 - moto has just written it
            ElementTree.SubElement(root, f"{{{NAMESPACE}}}EventBridgeConfiguration")
            body = ElementTree.tostring(root, encoding="unicode", default_namespace=NAMESPACE)
        return status, headers, body

    return wrapped


def _detail(account: str, bucket: Any, event_name: str, key: Any) -> dict[str, Any]:
    what = event_name.removeprefix("s3:")
    is_created = what.startswith("ObjectCreated:")
    version = {"version-id": key.version_id} if bucket.is_versioned and key.version_id else {}
    size = {"size": key.size} if is_created else {}
    return {
        "version": "0",
        "bucket": {"name": bucket.name},
        "object": {
            "key": key.name,
            "etag": key.etag.strip('"'),
            **size,
            **version,
            "sequencer": f"{time.time_ns():018X}",
        },
        "request-id": uuid.uuid4().hex[:16].upper(),
        "requester": account,
        "source-ip-address": "127.0.0.1",
        "reason": REASONS.get(what, what.partition(":")[0]),
        **({} if is_created else {"deletion-type": DELETIONS.get(what.partition(":")[2], "")}),
    }
