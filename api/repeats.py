"""Repeats of POST /upload: the id follows from the caller, its Idempotency-Key and the hour, so no state is kept.

A key lives for `LIFE` hours. Within them, the id that a key has had is one of as many as there are hours, and the
owner's item of one of them exists: one BatchGetItem finds it. Which bytes it was is written beside the object in S3,
which takes only the first of several writers (If-None-Match). Ids of one hour are in no order of time among themselves.
"""

import hashlib
from collections.abc import Mapping
from typing import Final

from api.ids import RANDOM_BITS, new_id

LIFE: Final = 24
HOUR: Final = 3600  # seconds
DIGEST: Final = "sha256"  # the name of the object's metadata


def ids_of(caller: str, key: str, name: str, *, now: float) -> list[str]:
    """The ids that an upload of this file with this key can have, that of a new one first.

    Args:
        name: of the file, which is a part of the id; the same key with another name is another upload.
        now: seconds since the epoch.
    """
    drawn = int.from_bytes(hashlib.sha256(f"{caller}\0{key}".encode()).digest()) % (1 << RANDOM_BITS)
    hour = int(now) // HOUR
    return [new_id(name, milliseconds=each * HOUR * 1000, random=drawn) for each in range(hour, hour - LIFE - 1, -1)]


def metadata_of(body: bytes) -> Mapping[str, str]:
    """What is written beside an object, to compare another body with it."""
    return {DIGEST: hashlib.sha256(body).hexdigest()}
