"""The status of an image: the ledger's record becomes a status with a message for people, and a response's JSON."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final, assert_never

from processing.ledger import ImageRecord, Phase, Record, VariantRecord
from processing.naming import file_name

UPLOAD_GRACE: Final = 3600  # seconds after a presigned POST expires: an upload that began in time has ended by then
MIN_WAIT, MAX_WAIT = 1, 30  # seconds; Retry-After of a waiting image is a tenth of its age, within these
PROCESSING_WAIT, FAILED_WAIT = 2, 15


class State(StrEnum):
    """The status as one word."""

    WAITING = "waiting"
    PROCESSING = "processing"
    DONE = "done"
    REJECTED = "rejected"
    FAILED = "failed"


Link = Callable[[VariantRecord, str, str], str]
"""The URL of a variant of the version with this ETag, for a file with this name."""


@dataclass(frozen=True, slots=True)
class Upload:
    """An image by its id: as its sender declared it to the API, or as the bucket has it.

    Args:
        content_type, size: None for an object that is gone and was never finished; the type also in a listing of the
            bucket, for one that is not finished.
        requested_at: when the id was created, or the object uploaded; in seconds since the epoch, None when unknown.
        upload_until: when its presigned POST expires, in seconds since the epoch; None where there is none.
    """

    id: str
    name: str
    content_type: str | None
    size: int | None
    requested_at: float | None
    upload_until: int | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why an image was rejected or failed, and what its sender can do; ``detail`` is the processing error."""

    cause: str
    text: str
    advice: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class ImageStatus:
    """The status of an image. ``retry_after`` is when to request it again, in seconds; None when it is final."""

    state: State
    message: str
    retry_after: int | None = None
    reason: Explanation | None = None
    retrying: bool | None = None
    record: Record | None = None


def status_of(upload: Upload, record: Record | None, *, now: float) -> ImageStatus:
    """The status of an image.

    Args:
        record: of the image's current version; None when there is none.
        now: seconds since the epoch.
    """
    if record is None:
        return _waiting(upload, now, None)
    match phase := record.phase(now):
        case Phase.NOT_STARTED:
            return _waiting(upload, now, record)
        case Phase.WORKING:
            return ImageStatus(State.PROCESSING, "Creating the variants.", PROCESSING_WAIT, record=record)
        case Phase.DONE:
            made = len(record.image.variants) if record.image else 0
            return ImageStatus(State.DONE, f"Done: {made} variant{'' if made == 1 else 's'}.", record=record)
        case Phase.REJECTED:
            return _rejected(record, _explanation(record.cause, record.message))
        case Phase.REMOVED:
            return _rejected(record, _explanation("Removed"))
        case Phase.DEAD:
            return _failed(record, retrying=False)
        case Phase.RETRYING | Phase.INTERRUPTED | Phase.SUPERSEDED:
            return _failed(record, retrying=True)
        case _:
            assert_never(phase)


def is_abandoned(upload: Upload, *, now: float) -> bool:
    """Whether the file has arrived by now or never will."""
    return upload.upload_until is not None and now > upload.upload_until + UPLOAD_GRACE


def not_uploaded() -> ImageStatus:
    """The status of an image whose presigned POST was not used."""
    return _rejected(None, _explanation("NotUploaded"))


def as_document(upload: Upload, status: ImageStatus, *, location: str, link: Link) -> dict[str, Any]:
    """An image as the JSON of a response.

    Args:
        location: its path.
        link: makes the URLs of variants.
    """
    document: dict[str, Any] = {
        "id": upload.id,
        "name": upload.name,
        "status": status.state.value,
        "message": status.message,
        "location": location,
        **_declared(upload),
        "variants": [],
    }
    if status.state is State.WAITING and upload.upload_until is not None:
        document["upload_until"] = timestamp(upload.upload_until)
    if why := status.reason:
        document["reason"] = {"class": why.cause, "text": why.text, "advice": why.advice}
        document["reason"] |= {"detail": why.detail} if why.detail else {}
    if status.retrying is not None:
        document["retrying"] = status.retrying
    if (record := status.record) is not None:
        document["attempts"] = record.attempts
        if status.state is State.DONE and record.image is not None:
            document["metadata"] = _metadata(record, record.image)
            document["lost"] = list(record.image.lost)
            document |= _preview(record.image)
            document["variants"] = [
                _variant(each, location, link(each, record.version.etag, file_name(upload.name, each.format)))
                for each in record.variants
            ]
    return document


def timestamp(seconds: float) -> str:
    """RFC 3339, to the second."""
    return f"{datetime.fromtimestamp(int(seconds), UTC):%Y-%m-%dT%H:%M:%SZ}"


def _declared(upload: Upload) -> dict[str, Any]:
    """What is known of the file itself."""
    requested_at = None if upload.requested_at is None else timestamp(upload.requested_at)
    values = {"content_type": upload.content_type, "size": upload.size, "requested_at": requested_at}
    return {name: value for name, value in values.items() if value is not None}


def _metadata(record: Record, image: ImageRecord) -> dict[str, Any]:
    return {
        "format": image.image_format,
        "mode": image.mode,
        "width": image.width,
        "height": image.height,
        "transparency": image.has_transparency,
        "bytes": image.size_bytes,
        "content_type": image.content_type,
        "uploaded_at": record.uploaded_at or None,
        "created_date": image.created_date,
        "tags": list(record.tags),
    }


def _preview(image: ImageRecord) -> dict[str, Any]:
    return {"placeholder": image.placeholder_url, "color": image.color} if image.placeholder else {}


def _variant(variant: VariantRecord, location: str, url: str) -> dict[str, Any]:
    return {
        "name": variant.name,
        "format": variant.format,
        "width": variant.width,
        "height": variant.height,
        "bytes": variant.bytes,
        "location": f"{location}/{variant.name}",
        "url": url,
    }


def _waiting(upload: Upload, now: float, record: Record | None) -> ImageStatus:
    age = now - (now if upload.requested_at is None else upload.requested_at)
    message = "Waiting for the upload or for processing." if upload.upload_until else "Waiting for processing."
    return ImageStatus(State.WAITING, message, int(min(MAX_WAIT, max(MIN_WAIT, age / 10))), record=record)


def _rejected(record: Record | None, why: Explanation) -> ImageStatus:
    return ImageStatus(State.REJECTED, why.text, reason=why, record=record)


def _failed(record: Record, *, retrying: bool) -> ImageStatus:
    why, wait = _explanation("Interrupted" if retrying else "GivenUp"), FAILED_WAIT if retrying else None
    return ImageStatus(State.FAILED, why.text, wait, reason=why, retrying=retrying, record=record)


def _explanation(cause: str, detail: str = "") -> Explanation:
    text, advice = EXPLANATIONS.get(cause, ("The file could not be processed.", "Try another file."))
    return Explanation(cause, text, advice, detail)


SAVE_AS: Final = "Save the image as JPEG or PNG and upload the new file."
RESIZE: Final = "Make the image smaller and upload it again."
EXPLANATIONS: Final[Mapping[str, tuple[str, str]]] = {
    "UnsupportedFormat": ("The file is not an image in a supported format.", SAVE_AS),
    "CorruptImage": ("The file is damaged or incomplete.", "Export the image again and upload the new file."),
    "ImageTooLarge": ("The image exceeds a limit of bytes, pixels, frames or memory.", RESIZE),
    "ArchivedObject": ("The original was archived before it was processed.", "Upload the file again."),
    "CustomerKeyRequired": (
        "The original is encrypted with a customer-provided key (SSE-C).",
        "Upload the file again without that key.",
    ),
    "RenderTimeout": ("The image took too long to process.", SAVE_AS),
    "RenderCrash": ("The image could not be decoded.", SAVE_AS),
    "RenderOutOfMemory": ("The image needs too much memory to process.", RESIZE),
    "UnusableKey": ("The file name is not supported.", "Rename the file and upload it again."),
    "NotUploaded": ("The file was not uploaded.", "Request a new presigned POST and upload the file."),
    "Removed": ("The original was deleted.", "Upload the file again if you still need it."),
    "Interrupted": ("A temporary error occurred in the service.", "Processing is retried automatically."),
    "GivenUp": (
        "Processing failed several times because of an error in the service.",
        "Wait for an operator to fix it, or upload the file again.",
    ),
}
"""What is wrong and what to do, by the cause in the ledger."""
