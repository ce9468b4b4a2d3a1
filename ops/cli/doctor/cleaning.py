"""Removes what the doctor has left: uploads, variants and dead letters of this run, and of runs that were interrupted.

Records in the images table stay: nobody but the consumer writes them. They are a few hundred bytes each.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from ops.cli.dlq.causes import DeadMessage
from ops.cli.dlq.messages import HeldMessages
from ops.cli.doctor.checkup import RESERVED, Checkup
from ops.cli.doctor.following import follow
from ops.cli.doctor.results import CheckResult, ok, skipped, warn
from ops.cli.queues import depth_of
from ops.cli.recipes import recipe_of
from processing.errors import MalformedMessage, Unavailable
from processing.events import parse
from processing.ledger import ImagesTable, Phase, Version
from processing.storage.refusals import code_of

MOST_DEAD: Final = 1000  # dead letters that are received to find one's own
PAUSE: Final = 0.5  # seconds between two looks into the dead-letter queue
LAST_LOOK: Final = 10.0  # seconds in which a message that was rejected dies, and one that is on its way ends


class DeadLetters:
    """The doctor's own messages in the dead-letter queue; all others are put back at once."""

    most = MOST_DEAD

    def __init__(self, checkup: Checkup) -> None:
        self._checkup = checkup
        self._stage = checkup.deployed
        self._sqs = checkup.client("sqs")

    def are_too_many(self) -> bool:
        """Whether so many lie there that finding one's own would hide the others for long."""
        return depth_of(self._sqs, self._stage.dlq_url).total > self.most

    def take(self, keys: Sequence[str], seconds: float) -> bool:
        """Delete the messages of these keys as they arrive; whether all did in so many seconds."""
        missing, end = set(keys), self._checkup.monotonic() + seconds
        while missing:
            missing -= self.delete(missing.__contains__)
            if missing and self._checkup.monotonic() >= end:
                return False
            if missing:
                self._checkup.pause(PAUSE)
        return True

    def delete(self, is_ours: Callable[[str], bool]) -> set[str]:
        """Delete the messages of keys for which ``is_ours(key)`` is true; their keys."""
        if depth_of(self._sqs, self._stage.dlq_url).waiting == 0:
            return set()
        with HeldMessages(self._sqs, self._stage.dlq_url) as held:
            own = [each for each in held.read() if is_ours(self._key(each))]
            left = held.delete_all(own)
        return {self._key(each) for each in own if each not in left}

    def _key(self, message: DeadMessage) -> str:
        """The object of a message in this stage's bucket; empty for any other."""
        try:
            events = parse(message.body)
        except MalformedMessage:
            return ""
        return events[0].key if len(events) == 1 and events[0].bucket == self._stage.uploads_bucket else ""


def check_cleaning(checkup: Checkup) -> CheckResult:
    """Remove everything; it runs last, and also when the run is interrupted."""
    if checkup.stage is None or not checkup.has_uploaded:
        return skipped("nothing was uploaded")
    problems = list[str]()
    counts = {
        "uploads": _trying(problems, "uploads", lambda: _delete_below(checkup, _uploads(checkup))),
        "variants": _trying(problems, "variants", lambda: _delete_variants(checkup)),
        "dead_letters": _trying(problems, "dead letters", lambda: _bury(checkup)),
    }
    if problems:
        return warn("; ".join(problems), f"Delete what is below {checkup.reserved} in the uploads bucket.", **counts)
    return ok(
        f"{counts['uploads']} uploads and {counts['variants']} variants deleted; records stay in the images table",
        **counts,
    )


def _trying(problems: list[str], what: str, remove: Callable[[], int]) -> int:
    """How many were removed; a refusal is noted, and keeps nothing else from being removed."""
    try:
        return remove()
    except (ClientError, BotoCoreError, Unavailable) as error:
        problems.append(f"{what} are left: {code_of(error)}")
        return 0


def _delete_variants(checkup: Checkup) -> int:
    """What is on its way when a run is interrupted may be published after its upload was deleted: wait for its end."""
    follow(checkup, [each for each in checkup.sent.values() if each.end is None], LAST_LOOK)
    return _delete_below(checkup, _variants(checkup))


def _bury(checkup: Checkup) -> int:
    """Delete the dead letters of this run that are still to come, and those that other runs have left."""
    dead = DeadLetters(checkup)
    if dead.are_too_many():
        return 0
    own = _rejected(checkup) - checkup.searched
    dead.take(sorted(own), LAST_LOOK)
    checkup.searched |= own
    return len(own) + len(dead.delete(lambda key: _is_ours(checkup, key)))


def _rejected(checkup: Checkup) -> set[str]:
    """The keys of this run whose messages die: a picture may be rejected before anybody has followed it."""
    stage = checkup.deployed
    table = ImagesTable(checkup.client("dynamodb"), stage.images_table)
    records = table.read(Version(stage.uploads_bucket, each.key, each.etag) for each in checkup.sent.values())
    return {version.key for version, record in records.items() if record.phase(checkup.clock()) is Phase.REJECTED}


def _is_ours(checkup: Checkup, key: str) -> bool:
    below = key.removeprefix(checkup.reserved)
    return below != key and checkup.is_ours(below.split("/")[0])


Place = tuple[str, str]
"""A bucket and a prefix in it that belongs to the doctor."""


def _uploads(checkup: Checkup) -> list[Place]:
    return [(checkup.deployed.uploads_bucket, checkup.reserved)]


def _variants(checkup: Checkup) -> list[Place]:
    ended = [each.end.record for each in checkup.sent.values() if each.end and each.end.record]
    names = {variant.name for record in ended for variant in record.variants}
    names |= {spec.name for spec in recipe_of(checkup.deployed).variants}
    return [(checkup.deployed.variants_bucket, f"{name}/{RESERVED}") for name in sorted(names)]


def _delete_below(checkup: Checkup, places: Iterable[Place]) -> int:
    """How many objects were deleted there, of this run and of runs that left them."""
    s3, count = checkup.client("s3"), 0
    for bucket, prefix in places:
        for key in _keys(s3, bucket, prefix):
            if checkup.is_ours(key.removeprefix(prefix).split("/")[0]):
                s3.delete_object(Bucket=bucket, Key=key)
                count += 1
    return count


def _keys(s3: Any, bucket: str, prefix: str) -> Iterator[str]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return (item["Key"] for page in pages for item in page.get("Contents", ()))
