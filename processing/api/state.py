"""What the images table says of an image, in words for people: where it stands, why, and when to ask again."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from processing.api.ids import given_at
from processing.ledger import ImageRecord, Status, is_given_up

FORGOTTEN: Final = 3600  # seconds after its form's end: an upload that began in time has come to an end by then
SOONEST, LATEST, SLOWER = 1, 30, 10  # a waiting image is asked for after a tenth of its age, within these seconds
WHILE_PROCESSING, WHILE_FAILED = 2, 15


class State(StrEnum):
    """Where an image stands."""

    WAITING = "waiting"
    PROCESSING = "processing"
    DONE = "done"
    REJECTED = "rejected"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Upload:
    """What somebody was given an id for; times are in seconds since the epoch.

    ``upload_until`` is the end of its form's life, None where the bytes came with the request.
    """

    id: str
    name: str
    content_type: str
    size: int
    upload_until: int | None = None


@dataclass(frozen=True, slots=True)
class Version:
    """A version of its object, as the ledger has it. ``cause`` and ``message`` say why its last attempt failed."""

    etag: str
    status: Status
    attempts: int = 0
    lease_until: int = 0
    updated_at: int = 0
    last_receive: bool = False
    uploaded_at: str | None = None
    cause: str = ""
    message: str = ""
    record: ImageRecord | None = None
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reason:
    """Why an image was rejected, or failed, and what its sender can do; ``detail`` is what the service saw."""

    cause: str
    text: str
    advice: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an image stands. ``retry_after`` is when to ask again, in seconds: None when nothing more will happen."""

    state: State
    message: str
    retry_after: int | None = None
    reason: Reason | None = None
    retrying: bool | None = None
    version: Version | None = None


def standing(upload: Upload, version: Version | None, *, now: float) -> Standing:
    """Where an image stands.

    Args:
        version: the one that counts, of those that were seen.
        now: seconds since the epoch.
    """
    if version is not None and is_given_up(version, now=now):
        return _failed(version, retrying=False)
    match version:
        case None | Version(status=Status.IN_PROGRESS, lease_until=0):
            return _waiting(upload, now, version)
        case Version(status=Status.DONE, record=ImageRecord() as record):
            made = len(record.variants)
            return Standing(State.DONE, f"Finished: {made} variant{'' if made == 1 else 's'}.", version=version)
        case Version(status=Status.REJECTED | Status.REMOVED):
            reason = _reason("Removed" if version.status == Status.REMOVED else version.cause, version.message)
            return Standing(State.REJECTED, reason.text, reason=reason, version=version)
        case Version(status=Status.IN_PROGRESS, lease_until=until) if until > now:
            return Standing(State.PROCESSING, "The variants are being made.", WHILE_PROCESSING, version=version)
    return _failed(version, retrying=True)


def is_forgotten(upload: Upload, *, now: float) -> bool:
    """Whether nobody can still be sending the bytes: they are there by now, or never will be."""
    return upload.upload_until is not None and now > upload.upload_until + FORGOTTEN


def never_sent() -> Standing:
    """Where an image stands whose form was never used."""
    reason = _reason("NotUploaded")
    return Standing(State.REJECTED, reason.text, reason=reason)


def _waiting(upload: Upload, now: float, version: Version | None) -> Standing:
    age = now - given_at(upload.id).timestamp()
    again = int(min(LATEST, max(SOONEST, age / SLOWER)))
    message = "Waiting for the upload, or for its turn." if upload.upload_until else "Waiting for its turn."
    return Standing(State.WAITING, message, again, version=version)


def _failed(version: Version, *, retrying: bool) -> Standing:
    reason = _reason("Interrupted" if retrying else "GivenUp")
    return Standing(
        State.FAILED, reason.text, WHILE_FAILED if retrying else None, reason=reason, retrying=retrying, version=version
    )


def _reason(cause: str, detail: str = "") -> Reason:
    text, advice = REASONS.get(cause, ("The file could not be processed.", "Try another file."))
    return Reason(cause, text, advice, detail)


REASONS: Final[Mapping[str, tuple[str, str]]] = {
    "UnsupportedFormat": (
        "The file is not a picture in a format that can be read.",
        "Save it as JPEG or PNG and upload the new file.",
    ),
    "CorruptImage": ("The file is damaged or was cut off.", "Export it again and upload the new file."),
    "ImageTooLarge": (
        "The picture has more bytes, pixels or frames than are accepted.",
        "Make it smaller and upload it again.",
    ),
    "ArchivedObject": ("The original was archived before it was processed.", "Upload the file again."),
    "CustomerKeyRequired": ("The original is encrypted with a key of its own.", "Upload the file again without it."),
    "RenderTimeout": ("The picture took too long to process.", "Save it as JPEG or PNG and upload the new file."),
    "RenderCrash": ("The picture could not be decoded.", "Save it as JPEG or PNG and upload the new file."),
    "RenderOutOfMemory": ("The picture needs too much memory to process.", "Make it smaller and upload it again."),
    "UnusableKey": ("The file's name cannot be used.", "Rename the file and upload it again."),
    "NotUploaded": ("The file never arrived.", "Ask for a new form and upload the file."),
    "Removed": ("The original was removed.", "Upload it again if it is still wanted."),
    "Interrupted": (
        "Something went wrong on our side.",
        "Nothing to do: it is tried again by itself.",
    ),
    "GivenUp": (
        "Something went wrong on our side, several times.",
        "Wait until an operator has looked at it, or upload the file again.",
    ),
}
"""What people are told, by the cause in the ledger: what is wrong, and what to do."""
