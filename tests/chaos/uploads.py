"""What is uploaded in a chaos run: sound pictures, broken ones, overwrites and removals."""

import io
import random
from dataclasses import dataclass, field

from PIL import Image

from processing.events import parse


@dataclass
class Upload:
    """One key: the versions it had, in order (None is a removal), and what must be shown in the end."""

    key: str
    versions: list[bytes | None]
    etags: list[str] = field(default_factory=list)

    @property
    def last(self) -> bytes | None:
        return self.versions[-1]


def plan(number: int, rng: random.Random) -> Upload:
    """The versions of one key; one key in twenty is broken, one in five is overwritten or removed."""
    key = f"images/{number % 7}/photo {number:04d}.jpg"
    if number % 20 == 0:
        return Upload(key, [broken(rng)])
    if number % 5 == 1:
        one, other = picture(rng), picture(rng)
        return Upload(key, list(rng.choice([(one, other), (one, other, one), (one, None), (one, None, one)])))
    return Upload(key, [picture(rng)])


def picture(rng: random.Random) -> bytes:
    out = io.BytesIO()
    noise = Image.frombytes("RGB", (8, 6), rng.randbytes(8 * 6 * 3))
    noise.resize((160, 120)).save(out, "JPEG")
    return out.getvalue()


def broken(rng: random.Random) -> bytes:
    return picture(rng)[:-400] if rng.random() < 0.5 else b"no picture " + rng.randbytes(8)


def is_picture(body: bytes | None) -> bool:
    return body is not None and body.endswith(b"\xff\xd9")


def is_broken(body: bytes | None) -> bool:
    return body is not None and not is_picture(body)


def key_of(body: str) -> str:
    """The object's key in the body of a message."""
    return parse(body)[0].key
