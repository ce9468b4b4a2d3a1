"""The receipt of an erasure: what is gone, what expires and when, and what nobody here can reach.

It holds no name: the object is known by the SHA-256 of ``bucket/key``, a variant by its folder. It is not signed: it
states what was looked for and where, not that nothing exists.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from typing import Any, Final

from processing.ledger.erasures import MOST_NAMED, Intent

DAY: Final = 24 * 60 * 60
OUT_OF_REACH: Final = (
    "copies in browsers and other caches of those who have seen a variant",
    "events and notifications that others have received",
    "files of dlq export, checkpoints of backfill, and what people have typed (as in the history of redrives) or saved",
    "backups, replicas and inventories of the buckets and of the table",
    "access logs and trails that the account keeps of its buckets, its table and its CDN (S3, CloudTrail, CloudFront)",
)
KEPT_BY_SWITCH: Final[Mapping[str, Mapping[str, int]]] = {
    # the most that DynamoDB keeps: AWS has no other value
    "pointInTimeRecovery": {"point-in-time recovery of the images table": 35},
    "events": {
        "the stream of the images table": 1,
        "events that EventBridge cannot deliver and tries again": 1,
    },
    # 14 days there, after a day of tries
    "workflow": {"messages in the workflow's dead-letter queue: not looked at": 15},
    "tracing": {"traces of requests for the image, in X-Ray": 30},
    "cdn": {"CloudFront's statistics of popular objects": 60},
    "webAclArn": {"samples of requests in AWS WAF": 1},
    "cdnWebAclArn": {"samples of requests in AWS WAF": 1},
    "accessLogs": {"S3's access logs of the buckets: as long as their bucket keeps them": 0},
}
"""What names an object where a parameter is on, and for how many days; 0 where that is not known."""
OUT_OF_REACH_BY_SWITCH: Final[Mapping[str, Sequence[str]]] = {
    "workflow": (
        "labels of the picture that subscribers of the topic have received",
        "the picture at Amazon Rekognition, unless the organization has opted out of AI services",
    ),
}


@dataclass(frozen=True, slots=True)
class Retention:
    """For how many days a stage keeps what names an object; 0 where that is not known.

    Args:
        switches: the names of the parameters that are on.
    """

    logs: int
    queue: int
    dead_letters: int
    switches: frozenset[str]


@dataclass(frozen=True, slots=True)
class Receipt:
    """One receipt; ``document`` is as it is stored, logged and printed."""

    id: str
    digest: str
    document: Mapping[str, Any]

    @property
    def is_empty(self) -> bool:
        """Whether nothing was found of the object."""
        return not any(found for kind, found in self.document["gone"].items() if kind != "is_complete")


def receipt_of(intent: Intent, retention: Retention, *, ended_at: float, letters_seen: bool) -> Receipt:
    """The receipt of an erasure that has ended.

    Args:
        letters_seen: whether the dead-letter queue was read, and the object's messages in it deleted.
    """
    document = {
        "receipt": intent.id,
        "object_sha256": intent.digest,
        "requested_by": intent.by,
        "requested_at": _time(intent.asked_at),
        "ended_at": _time(ended_at),
        "gone": _gone(intent),
        "expires": _expires(retention, ended_at, letters_seen=letters_seen),
        "out_of_reach": _out_of_reach(retention),
    }
    return Receipt(intent.id, intent.digest, document)


def _gone(intent: Intent) -> dict[str, Any]:
    found = {kind: sorted(names) for kind, names in intent.found.items()}
    versions = [name.rpartition(" ") for name in found.get("variants", ())]
    return {
        "original_versions": found.get("originals", []),
        "delete_markers": found.get("markers", []),
        "unfinished_uploads": len(found.get("uploads", ())),
        "variants": dict(Counter(key.partition("/")[0] for key, _, _ in versions)),
        "variant_versions": [version for _, _, version in versions],
        "records": len(found.get("records", ())),
        "owner": bool(found.get("owners")),
        "dead_letters": len(found.get("letters", ())),
        "is_complete": all(len(names) < MOST_NAMED for names in found.values()),
    }


def _expires(retention: Retention, ended_at: float, *, letters_seen: bool) -> list[dict[str, Any]]:
    """What names the object and cannot be deleted, with the day by which it is gone; None where that is not known."""
    days = {
        "log lines with the key": retention.logs,
        "messages in the uploads queue; one may leave a record REMOVED, for 30 days": retention.queue,
    }
    if not letters_seen:
        days["messages in the dead-letter queue: not looked at"] = retention.dead_letters
    for switch, kept in KEPT_BY_SWITCH.items():
        days |= kept if switch in retention.switches else {}
    return [{"what": what, "by": _time(ended_at + kept * DAY) if kept else None} for what, kept in days.items()]


def _out_of_reach(retention: Retention) -> list[str]:
    switched = (copies for switch, copies in OUT_OF_REACH_BY_SWITCH.items() if switch in retention.switches)
    return [*OUT_OF_REACH, *chain.from_iterable(switched)]


def _time(seconds: float) -> str:
    return f"{datetime.fromtimestamp(int(seconds), UTC):%Y-%m-%dT%H:%M:%SZ}"
