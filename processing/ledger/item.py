"""Items of the images table: the only reader and writer of one; and the claims under which items are written.

Nothing is stored twice: bucket and key are the partition key, a variant's key is the object's key with another
beginning and perhaps another extension, and its format is the original's unless it says another.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

from processing.errors import DarkroomError
from processing.fingerprint import fingerprint_of, kind_of, where
from processing.ledger.image import ImageRecord, VariantRecord
from processing.ledger.record import Reason, Record, Status, Version

Attributes = dict[str, Any]
"""An item or a part of one, in DynamoDB's JSON: ``{"attempts": {"N": "1"}}``."""

MAX_REASON: Final = 300  # bytes in UTF-8 of message and frames; keeps an item of many attempts below 1 KB


@dataclass(frozen=True, slots=True)
class Delivery:
    """One receive of one message.

    ``last_receive``: the queue does not deliver the message again; if this receive fails, it becomes a dead letter.
    ``trace``: the trace header of whoever sent the message.
    """

    message_id: str
    receive_count: int
    request_id: str = ""
    last_receive: bool = False
    trace: str = ""


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to work on a version until ``lease_until`` (seconds since the epoch).

    Args:
        earlier: whether an attempt was made before this one, which may have written variants.
        image: what the record says was finished of this version before.
    """

    version: Version
    owner: str
    lease_until: float
    attempt: int
    earlier: bool
    image: ImageRecord | None = None


def read(item: Attributes) -> Record:
    """The record that an item in DynamoDB's JSON stands for."""
    plain = {name: _READER.deserialize(value) for name, value in item.items()}
    bucket, _, key = plain["object"].partition("/")
    counts = ("lease_until", "attempts", "updated_at", "deaths")
    numbers: dict[str, Any] = {name: int(plain.get(name, 0)) for name in counts}
    texts = {name: plain.get(name, "") for name in ("owner", "code_version", "uploaded_at", "sequencer", "message_id")}
    return Record(
        version=Version(bucket, key, plain["etag"]),
        status=Status(plain["status"]),
        last_receive=plain.get("last_receive", False),
        reason=_reason(plain["reason"]) if "reason" in plain else None,
        image=_image(plain, key) if "variants" in plain else None,
        tags=tuple(plain.get("tags", ())),
        **numbers,
        **texts,
    )


def attributes(values: Mapping[str, object]) -> Attributes:
    """Values in DynamoDB's JSON, without those that are None."""
    return {name: _WRITER.serialize(value) for name, value in values.items() if value is not None}


def image_attributes(image: ImageRecord, version: Version) -> Attributes:
    """The attributes of a finished image of this version."""
    omitted = _omitted(version.key, image.variants)
    values = asdict(image) | {
        "omitted": omitted,
        "variants": [_variant_values(each, version.key[omitted:], image.image_format) for each in image.variants],
        "lost": list(image.lost) or None,
        "placeholder": image.placeholder or None,
        "color": image.color or None,
    }
    return attributes(values)


def reason_of(error: BaseException) -> Reason:
    """The reason to record for a failure; bugs at the same place in the code have the same fingerprint."""
    if isinstance(error, DarkroomError):
        return Reason(error.cause, str(error))
    return Reason(kind_of(error), str(error), fingerprint_of(error), where(error))


def reason_attributes(reason: Reason) -> Attributes:
    """The attributes of a failure."""
    fields = asdict(reason) | {"message": _cut(reason.message, MAX_REASON - len(reason.where.encode()))}
    return attributes({"reason": {name: value for name, value in fields.items() if value}})


def _cut(message: str, most: int) -> str:
    """A message of at most so many bytes; DynamoDB refuses a surrogate that stands alone."""
    return message.encode(errors="replace")[:most].decode(errors="ignore")


def _reason(fields: Mapping[str, Any]) -> Reason:
    return Reason(**{"message": "", **fields, "attempt": int(fields.get("attempt", 0))})


def _image(plain: Mapping[str, Any], key: str) -> ImageRecord:
    rest = key[int(plain["omitted"]) :]
    return ImageRecord(
        image_format=plain["image_format"],
        mode=plain["mode"],
        width=int(plain["width"]),
        height=int(plain["height"]),
        size_bytes=int(plain["size_bytes"]),
        content_type=plain["content_type"],
        has_transparency=plain["has_transparency"],
        created_date=plain.get("created_date"),
        variants=tuple(_variant(fields, rest, plain["image_format"]) for fields in plain["variants"]),
        lost=tuple(plain.get("lost", ())),
        timings={stage: int(value) for stage, value in plain["timings"].items()},
        placeholder=plain.get("placeholder", ""),
        color=plain.get("color", ""),
    )


def _omitted(key: str, variants: Sequence[VariantRecord]) -> int:
    """How many characters of the object's key its variants' keys leave out: those of the prefix."""
    return next(at for at in range(len(key) + 1) if all(_below(each).startswith(key[at:]) for each in variants))


def _below(variant: VariantRecord) -> str:
    return variant.key.removeprefix(f"{variant.name}/")


def _variant_values(variant: VariantRecord, rest: str, original: str) -> dict[str, object]:
    fields = asdict(variant) | {
        "extension": _below(variant).removeprefix(rest),
        "format": "" if variant.format == original else variant.format,
    }
    return {name: value for name, value in fields.items() if value and name != "key"}


def _variant(fields: Mapping[str, Any], rest: str, original: str) -> VariantRecord:
    numbers: dict[str, Any] = {name: int(fields[name]) for name in ("width", "height", "bytes")}
    texts = {name: fields.get(name, "") for name in ("name", "fingerprint", "stored_as")}
    key = f"{fields['name']}/{rest}{fields.get('extension', '')}"
    return VariantRecord(key=key, format=fields.get("format", original), **numbers, **texts)


_READER: Final = TypeDeserializer()
_WRITER: Final = TypeSerializer()
