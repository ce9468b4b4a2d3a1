"""What was asked for, an object or a dead letter, becomes one version of one object."""

from dataclasses import dataclass

from ops.dlq.selection import by_id, read_queue
from ops.errors import UsageError
from ops.heads import head
from ops.images import ImagesTable
from ops.stage import Stage
from processing.events import ObjectCreated
from processing.ledger import REMOVED_KEY


@dataclass(frozen=True, slots=True)
class Target:
    """A version of an uploaded object; ``said`` tells where the version is from."""

    key: str
    etag: str
    said: str


def find_target(stage: Stage, name: str, etag: str | None) -> Target:
    """The version that is meant.

    Args:
        name: a key, ``bucket/key``, ``s3://bucket/key``, or the id of a dead letter, which has no slash.
        etag: of another version than the one that is there now.

    Raises:
        UsageError: there is none; the message says what to give.
    """
    if "/" not in name:
        return _of_letter(stage, name)
    key = _key(stage, name)
    if etag:
        return Target(key, etag.strip('"'), "as asked for")
    versions = ImagesTable(stage.client("dynamodb"), stage.images_table).versions(f"{stage.uploads_bucket}/{key}")
    now = head(stage.client("s3"), stage.uploads_bucket, key)
    if now is not None:
        status = next((record.status for record in versions if record.etag == now["ETag"]), "")
        known = f"in the images table: {status}" if status else "the images table has no record of it"
        return Target(key, now["ETag"], f"what is there now; {known}")
    if any(record.etag != REMOVED_KEY for record in versions):
        raise UsageError(f"{key} was removed: there is nothing to replay")
    raise UsageError(f"neither the images table nor {stage.uploads_bucket} has {key}: check the key")


def _of_letter(stage: Stage, name: str) -> Target:
    event = by_id(name, read_queue(stage).diagnoses).event
    if not isinstance(event, ObjectCreated):
        raise UsageError(f"the letter {name} is of no upload, so there is nothing to render: darkroom dlq show {name}")
    return Target(event.key, event.etag, f"the dead letter {name}'s")


def _key(stage: Stage, name: str) -> str:
    thing = name.removeprefix("s3://")
    key = thing.removeprefix(f"{stage.uploads_bucket}/")
    if thing != name and key == thing:
        raise UsageError(f"{name} is not in this stage's bucket, {stage.uploads_bucket}: name another --stage")
    return key
