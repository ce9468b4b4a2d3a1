"""Ids of images: an id contains its time of creation, and the object's key follows from the id alone.

An id is ``<ULID>-<safe name>``, its key ``<prefix><date>/<id>``. A ULID is 48 bits of milliseconds and 80 random
bits in Crockford's base 32, so that ids sort by time: https://github.com/ulid/spec
"""

import re
import unicodedata
from datetime import UTC, datetime
from typing import Final

ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
ULID_LENGTH: Final = 26
RANDOM_BITS: Final = 80
MAX_NAME_LENGTH: Final = 80  # of the safe name
ID: Final = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}-[A-Za-z0-9][A-Za-z0-9._-]{0,79}")


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
    """Whether this is a valid id."""
    return ID.fullmatch(text) is not None


def created_at(image_id: str) -> datetime:
    """When the id was created, in UTC."""
    number = 0
    for character in image_id[:ULID_LENGTH]:
        number = number << 5 | ALPHABET.index(character)
    return datetime.fromtimestamp((number >> RANDOM_BITS) / 1000, UTC)


def key_of(image_id: str, *, prefix: str) -> str:
    """The key of the image's object in the uploads bucket."""
    return f"{prefix}{created_at(image_id):%Y-%m-%d}/{image_id}"


def safe_name(name: str) -> str:
    """A file's name reduced to ASCII letters, digits, dots, hyphens and underscores; its extension is kept."""
    plain = unicodedata.normalize("NFKD", re.split(r"[/\\]", name)[-1]).encode("ascii", "ignore").decode()
    stem, dot, extension = plain.rpartition(".")
    if not dot:
        stem, extension = extension, ""
    extension = re.sub(r"[^A-Za-z0-9]", "", extension)[:10]
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip(".-_") or "image"
    ending = f".{extension}" if extension else ""
    return stem[: MAX_NAME_LENGTH - len(ending)] + ending
