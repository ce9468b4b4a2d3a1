"""What the images table says of an image, in words for people: where it stands, why, and when to ask again."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, assert_never

from api.ids import given_at
from processing.ledger import Phase, Record

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
class Explanation:
    """Why an image was rejected, or failed, and what its sender can do; ``detail`` is what the service saw."""

    cause: str
    text: str
    advice: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class ImageStatus:
    """Where an image stands. ``retry_after`` is when to ask again, in seconds: None when nothing more will happen."""

    state: State
    message: str
    retry_after: int | None = None
    reason: Explanation | None = None
    retrying: bool | None = None
    record: Record | None = None


def standing(upload: Upload, record: Record | None, *, now: float) -> ImageStatus:
    """Where an image stands.

    Args:
        record: the one that counts, of those that were seen.
        now: seconds since the epoch.
    """
    if record is None:
        return _waiting(upload, now, None)
    match phase := record.phase(now):
        case Phase.NOT_STARTED:
            return _waiting(upload, now, record)
        case Phase.WORKING:
            return ImageStatus(State.PROCESSING, "The variants are being made.", WHILE_PROCESSING, record=record)
        case Phase.DONE:
            made = len(record.image.variants) if record.image else 0
            return ImageStatus(State.DONE, f"Finished: {made} variant{'' if made == 1 else 's'}.", record=record)
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


def is_forgotten(upload: Upload, *, now: float) -> bool:
    """Whether nobody can still be sending the bytes: they are there by now, or never will be."""
    return upload.upload_until is not None and now > upload.upload_until + FORGOTTEN


def never_sent() -> ImageStatus:
    """Where an image stands whose form was never used."""
    return _rejected(None, _explanation("NotUploaded"))


def _waiting(upload: Upload, now: float, record: Record | None) -> ImageStatus:
    age = now - given_at(upload.id).timestamp()
    again = int(min(LATEST, max(SOONEST, age / SLOWER)))
    message = "Waiting for the upload, or for its turn." if upload.upload_until else "Waiting for its turn."
    return ImageStatus(State.WAITING, message, again, record=record)


def _rejected(record: Record | None, why: Explanation) -> ImageStatus:
    return ImageStatus(State.REJECTED, why.text, reason=why, record=record)


def _failed(record: Record, *, retrying: bool) -> ImageStatus:
    why, again = _explanation("Interrupted" if retrying else "GivenUp"), WHILE_FAILED if retrying else None
    return ImageStatus(State.FAILED, why.text, again, reason=why, retrying=retrying, record=record)


def _explanation(cause: str, detail: str = "") -> Explanation:
    text, advice = EXPLANATIONS.get(cause, ("The file could not be processed.", "Try another file."))
    return Explanation(cause, text, advice, detail)


EXPLANATIONS: Final[Mapping[str, tuple[str, str]]] = {
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
