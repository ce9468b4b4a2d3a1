"""Which files a stage accepts: their types and names; and what the request of POST /upload says of its file.

A content type is decided here alone, by what the client declares, or by the extension of the name. Browsers, curl and
SDKs declare old names (``image/jpg``), types that say nothing (``application/octet-stream``), or nothing. No content is
read here: the consumer identifies an image by its content, whatever it is called.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from api.http import BYTES, Fault, Problem, Request, unprocessable
from api.ids import new_id
from processing.naming import EXTENSIONS

HEIC: Final = ("image/heic", "image/heif")
IMAGE_TYPES: Final[Mapping[str, tuple[str, ...]]] = {
    "image/jpeg": EXTENSIONS["jpeg"],
    "image/png": EXTENSIONS["png"],
    "image/gif": EXTENSIONS["gif"],
    "image/webp": EXTENSIONS["webp"],
    "image/tiff": (".tif", ".tiff"),
    "image/bmp": (".bmp",),
    "image/avif": EXTENSIONS["avif"],
    "image/heic": (".heic",),
    "image/heif": (".heif",),
}
"""The extensions of each content type."""

OTHER_NAMES: Final[Mapping[str, str]] = {
    "image/jpg": "image/jpeg",
    "image/pjpeg": "image/jpeg",
    "image/x-png": "image/png",
    "image/tif": "image/tiff",
    "image/x-tiff": "image/tiff",
    "image/x-bmp": "image/bmp",
    "image/x-ms-bmp": "image/bmp",
}
"""Types that clients declare for one with another name."""

UNSPECIFIC: Final = ("", BYTES, "binary/octet-stream", "application/x-binary", "application/unknown")
CURL: Final = "application/x-www-form-urlencoded"  # what curl declares for --data-binary, unless it is told a type


MAX_NAME_LENGTH: Final = 255
IGNORED: Final = "The recipe ignores files with this name. Rename the file, or change ignore in recipe.toml."
NAME_FAULT: Final = f"Must be a file name of 1 to {MAX_NAME_LENGTH} characters."
MULTIPART: Final = "multipart/form-data"
IDEMPOTENCY_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}")


@dataclass(frozen=True, slots=True)
class UploadLimits:
    """Which files a stage accepts; ``ignored`` is `Recipe.ignored`."""

    content_types: Sequence[str]
    max_bytes: int
    ignored: re.Pattern[str]

    def ignores(self, name: str) -> bool:
        """Whether the consumer would ignore a file with this name: images are stored under their ids."""
        return self.ignored.search(new_id(name, milliseconds=0, random=0)) is not None


def accepted_types(*, heic: bool) -> tuple[str, ...]:
    """The content types that a stage accepts, with or without a decoder for HEIC."""
    return tuple(name for name in IMAGE_TYPES if heic or name not in HEIC)


def extensions(content_types: Iterable[str]) -> tuple[str, ...]:
    """The file extensions of all these types."""
    return tuple(extension for name in content_types for extension in IMAGE_TYPES[name])


def declarable(accepted: Sequence[str]) -> list[str]:
    """Every type that a client can declare for a file, whatever its name."""
    return [*accepted, *(name for name, meant in OTHER_NAMES.items() if meant in accepted), *UNSPECIFIC]


def type_of(declared: str, name: str, accepted: Sequence[str]) -> str | None:
    """The content type under which a file is stored; None for a file that is not accepted.

    Bytes of which neither type nor name says anything are left to the consumer, as `BYTES`.

    Args:
        declared: the client's content type, without parameters.
        accepted: of the stage.
    """
    declared = declared.strip().lower()
    if (meant := OTHER_NAMES.get(declared, declared)) in accepted:
        return meant
    is_unspecific = declared in UNSPECIFIC
    if is_unspecific or declared == CURL or declared.startswith("image/"):
        by_name = (each for each in accepted if name.lower().endswith(IMAGE_TYPES[each]))
        return next(by_name, BYTES if is_unspecific else None)
    return None


def read_type(request: Request, name: str, limits: UploadLimits) -> str:
    """The content type of the file in the body of POST /upload; see `type_of`.

    Raises:
        Problem: 415 not accepted, or a form.
    """
    types = ", ".join(limits.content_types)
    if request.content_type == MULTIPART:
        how = f"Send the file's bytes as the whole body, with its type as Content-Type: one of {types}."
        other = "For a form, get a presigned POST from POST /uploads, and send the form to its url."
        raise Problem(415, f"{MULTIPART} is not supported. {how} {other}", headers={"Accept": types})
    found = type_of(request.content_type, name, limits.content_types)
    if found is None:
        raise Problem(415, f"Set the Content-Type header to one of: {types}.", headers={"Accept": types})
    return found


def read_idempotency_key(request: Request) -> str | None:
    """The Idempotency-Key of POST /upload, if there is one.

    Raises:
        Problem: 400.
    """
    key = request.headers.get("idempotency-key")
    if key is not None and not IDEMPOTENCY_KEY.fullmatch(key):
        raise Problem(400, "Idempotency-Key must have 1 to 255 ASCII characters, without spaces.")
    return key


def read_name(request: Request, limits: UploadLimits) -> str:
    """The file name in the query of POST /upload; by default, one for the declared content type.

    Raises:
        Problem: 422.
    """
    name = request.one("name")
    if name is None:
        kind = type_of(request.content_type, "", limits.content_types)
        return f"image{IMAGE_TYPES.get(kind or '', ('',))[0]}"
    if not is_name(name):
        raise unprocessable(Fault("?name", NAME_FAULT))
    if limits.ignores(name):
        raise unprocessable(Fault("?name", IGNORED))
    return name


def is_name(name: object) -> bool:
    """Whether something that a client sent can be the name of a file."""
    if not isinstance(name, str) or not 1 <= len(name) <= MAX_NAME_LENGTH:
        return False
    try:
        name.encode()
    except UnicodeEncodeError:  # half of a surrogate pair, which neither DynamoDB nor S3 accepts
        return False
    return True
