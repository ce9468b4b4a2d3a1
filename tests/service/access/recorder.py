"""Notes each request that the functions' code has botocore send or sign, in whatever test, as what it asks of IAM.

Whose request it is follows from the call stack: a test's own requests and those of a command belong to no function.
"""

import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from botocore import handlers

from api.owners import partition_of
from processing.ledger.erasures import FINISHED, PENDING
from tests.service.access.actions import actions_of

ROOT = Path(__file__).parents[3]
CODE = ("processing", "api", "handlers")
ROLES = {
    "processing/erasure/": "EraserRole",
    "api/": "ApiRole",
    "handlers/worker_": "TaskRole",
    "processing/worker.py": "ConsumerRole",
    "processing/batch.py": "ConsumerRole",
    "processing/publisher.py": "ConsumerRole",
    "processing/concurrency.py": "ConsumerRole",  # in a thread of its own
    "processing/outbox.py": "AnnouncerRole",
}
"""Whose request it is, by a file of the call stack; the first that is there."""

PARTITIONS = {partition_of(""): "owner", PENDING: "intent", FINISHED: "receipt"}
OF_BUCKETS = ("ListBucket", "ListBucketVersions", "ListBucketMultipartUploads", "GetBucketObjectLockConfiguration")


@dataclass(frozen=True)
class Call:
    """A request: whose it is, empty for none; what it needs; and the function of our code that sends it."""

    role: str
    needs: frozenset[str]
    site: tuple[str, str, str]  # module, function, operation


calls: list[Call] = []
"""All since the process began."""


def install() -> None:
    """Have every client of boto3 that is made from now on note its requests."""
    handlers.BUILTIN_HANDLERS.append(("provide-client-params", _note))


def _note(params: Mapping[str, Any], model: Any, **_: Any) -> None:
    files = list(_files(sys._getframe(1)))
    ours = next((each for each in files if each[0].startswith(CODE)), None)
    if ours is None or any(name.startswith("ops/") for name, _ in files):
        return
    role = next((role for part, role in ROLES.items() if any(name.startswith(part) for name, _ in files)), "")
    actions = actions_of(model.service_model.service_id, model.name, params)
    needs = frozenset(f"{action} {place}" for each in actions for action, place in _placed(each, params, role))
    calls.append(Call(role, needs, (*ours, model.name)))


def _files(frame: FrameType | None) -> Iterator[tuple[str, str]]:
    """The file, below the project, and the function of each frame that is the project's; the innermost first."""
    start = f"{ROOT}/"
    while frame is not None:
        if frame.f_code.co_filename.startswith(start):
            yield frame.f_code.co_filename.removeprefix(start), frame.f_code.co_name
        frame = frame.f_back


def _placed(action: str, params: Mapping[str, Any], role: str) -> Iterable[tuple[str, str]]:
    name = action.split()[0]
    service, operation = name.split(":")
    match service:
        case "s3":
            is_variants = "variants" in params["Bucket"]
            if operation in OF_BUCKETS:
                return [(name, "VariantsBucket" if is_variants else "UploadsBucket")]
            return [(name, "variant" if is_variants else "upload")]
        case "dynamodb":
            return [(name, place) for place in sorted({_item(key) for key in _keys(params)}) or ["table"]]
        case "sqs":
            return [(name, "ErasuresQueue" if role in ("ApiRole", "EraserRole") else "UploadsQueue")]
        case "events":
            return [(name, "ImagesBus")]
    return [(name, "?")]


def _keys(params: Mapping[str, Any]) -> Iterator[str]:
    """The partition keys that a request to DynamoDB names."""
    for each in ("Key", "Item"):
        if each in params:
            yield params[each]["object"]["S"]
    if "KeyConditionExpression" in params:
        yield params["ExpressionAttributeValues"][":object"]["S"]
    for wanted in params.get("RequestItems", {}).values():
        items = wanted["Keys"] if "Keys" in wanted else [each["PutRequest"]["Item"] for each in wanted]
        yield from (item["object"]["S"] for item in items)


def _item(key: str) -> str:
    return next((name for start, name in PARTITIONS.items() if key.startswith(start)), "record")
