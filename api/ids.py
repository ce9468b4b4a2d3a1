"""Ids of images: each object below the prefix has exactly one, and its key follows from the id alone.

The id of an image that the API takes is ``<ULID>-<safe name>``, its key ``<prefix><date>/<id>``. A ULID is 48 bits of
milliseconds and 80 random bits in Crockford's base 32, so that ids sort by time: https://github.com/ulid/spec
One that begins with a 7 is of the year 9774 or later, and soon after that there are no dates.

The id of any other object is ``k`` and its key below the prefix in URL-safe base64; no ULID begins with a ``k``.
"""

import base64
import binascii
import re
import unicodedata
from datetime import UTC, datetime
from typing import Final

from processing.events import MAX_KEY_BYTES

ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
ULID_LENGTH: Final = 26
RANDOM_BITS: Final = 80
MAX_NAME_LENGTH: Final = 80  # of the safe name
ID: Final = re.compile(r"[0-6][0-9A-HJKMNP-TV-Z]{25}-[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
ENCODED: Final = "k"


def new_id(name: str, *, milliseconds: int, random: int) -> str:
    """An id for a file with this name.

    Args:
        milliseconds: since the epoch.
        random: any number; its last 80 bits are used.
    """
    number = milliseconds << RANDOM_BITS | random % (1 << RANDOM_BITS)
    digits = (number >> 5 * place & 31 for place in reversed(range(ULID_LENGTH)))
    return f"{''.join(ALPHABET[digit] for digit in digits)}-{safe_name(name)}"


def is_id(text: str) -> bool:
    """Whether this is a valid id of an image that the API takes."""
    return ID.fullmatch(text) is not None


def created_at(image_id: str) -> datetime:
    """When the id was created, in UTC."""
    number = 0
    for character in image_id[:ULID_LENGTH]:
        number = number << 5 | ALPHABET.index(character)
    return datetime.fromtimestamp((number >> RANDOM_BITS) / 1000, UTC)


def key_of(image_id: str, *, prefix: str) -> str:
    """The key of the object in the uploads bucket.

    Raises:
        ValueError: this is no id.
    """
    if is_id(image_id):
        return f"{prefix}{created_at(image_id):%Y-%m-%d}/{image_id}"
    key = prefix + _decoded(image_id)
    if not can_be_key(key) or id_of(key, prefix=prefix) != image_id:
        raise ValueError(f"{image_id!r} is no id")
    return key


def id_of(key: str, *, prefix: str) -> str:
    """The id of the object with this key, which begins with the prefix."""
    last = key.rpartition("/")[2]
    if is_id(last) and key == key_of(last, prefix=prefix):
        return last
    return ENCODED + base64.urlsafe_b64encode(key.removeprefix(prefix).encode()).decode().rstrip("=")


def can_be_key(text: str) -> bool:
    """Whether S3 can have an object with this key, or with one that begins with it."""
    return len(text.encode()) <= MAX_KEY_BYTES and "\0" not in text


def safe_name(name: str) -> str:
    """A file's name reduced to ASCII letters, digits, dots, hyphens and underscores; its extension is kept."""
    plain = unicodedata.normalize("NFKD", re.split(r"[/\\]", name)[-1]).encode("ascii", "ignore").decode()
    stem, dot, extension = re.sub(r"[^A-Za-z0-9]+$", "", plain).rpartition(".")
    if not dot:
        stem, extension = extension, ""
    extension = re.sub(r"[^A-Za-z0-9]", "", extension)[:10]
    ending = f".{extension}" if extension else ""
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip(".-_")[: MAX_NAME_LENGTH - len(ending)].rstrip(".-_")
    return (stem or "image") + ending


def _decoded(image_id: str) -> str:
    """The key below the prefix, which is not empty."""
    digits = image_id.removeprefix(ENCODED)
    if not digits or digits == image_id or not digits.isascii():
        raise ValueError(f"{image_id!r} is no id")
    try:
        return base64.b64decode(digits + "=" * (-len(digits) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise ValueError(f"{image_id!r} is no id") from error
