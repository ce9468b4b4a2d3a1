"""Animations by chance: small frames of any place, disposal, blending, kind of pixels, time and number of plays."""

import random
from dataclasses import dataclass

from PIL import Image

from tests.corpus.animations import BACKGROUND, KEEP, PREVIOUS, Frame, apng, gif, webp

TIMES = (0, 5, 10, 11, 16, 17, 25, 33, 40, 100, 250, 1000)
FRACTIONS = ((1, 0), (1, 30), (1, 24), (7, 240))
PLAYS = (0, 0, 1, 2, 3, 7)
KINDS = ("RGBA", "RGBA", "RGB", "L", "LA", "P")
ALPHAS = (0, 0, 255, 255, 255, 128, 64, 200)
COLORS = 6  # of a frame, in a few rectangles


@dataclass(frozen=True)
class Animation:
    """``is_exact``: no pixel is half transparent, nor has 16 bits, so that no reader rounds."""

    image_format: str
    data: bytes
    is_exact: bool


def animation(seed: int) -> Animation:
    rng = random.Random(seed)
    return (_apng, _gif, _webp)[seed % 3](rng)


def _apng(rng: random.Random) -> Animation:
    size, mode, exact = _size(rng), rng.choice(KINDS), rng.random() < 0.5
    cover = _picture(rng, size, mode, exact=exact) if rng.random() < 0.3 else None
    frames: list[Frame] = []
    for number in range(rng.randrange(1, 7)):
        box = (0, 0, *size) if not number and not cover else _box(rng, size)
        picture = _picture(rng, box[2:], mode, exact=exact)
        time = rng.choice(TIMES) if rng.random() < 0.7 else rng.choice(FRACTIONS)
        frames.append(Frame(picture, box[:2], time, rng.choice((KEEP, BACKGROUND, PREVIOUS)), rng.random() < 0.5))
    tables = [(b"PLTE", _table(rng)), (b"tRNS", _alphas(rng, exact=exact))] if mode == "P" else []
    deep = mode != "P" and rng.random() < 0.2
    data = apng(
        frames,
        plays=rng.choice(PLAYS),
        cover=cover,
        deep=deep,
        interlaced=rng.random() < 0.3,
        tables=tables,
    )
    return Animation("png", data, exact and not deep)


def _gif(rng: random.Random) -> Animation:
    size = _size(rng)
    shared = _table(rng) if rng.random() < 0.4 else b""
    frames: list[Frame] = []
    for _ in range(rng.randrange(1, 7)):
        beyond = (size[0] + 6, size[1] + 6) if frames and rng.random() < 0.3 else size
        box = _box(rng, beyond)
        picture = _picture(rng, box[2:], "P", exact=True)
        picture.putpalette(_table(rng))
        if rng.random() < 0.6:
            picture.info["transparency"] = rng.randrange(COLORS + 2)
        frames.append(
            Frame(picture, box[:2], rng.choice((0, 1, 2, 3, 10, 50)), rng.choice((KEEP, BACKGROUND, PREVIOUS)))
        )
    return Animation(
        "gif",
        gif(
            frames,
            size=size,
            table=shared,
            repeats=rng.choice((None, *PLAYS)),
            background=rng.randrange(COLORS),
            interlaced=rng.random() < 0.3,
            loop=rng.choice((b"NETSCAPE2.0", b"ANIMEXTS1.0")),
        ),
        True,
    )


def _webp(rng: random.Random) -> Animation:
    size, exact, mode = _size(rng), rng.random() < 0.5, rng.choice(("RGBA", "RGBA", "RGB"))
    frames = []
    for _ in range(rng.randrange(1, 7)):
        left, top, width, height = _box(rng, size)
        at = (left // 2 * 2, top // 2 * 2)
        picture = _picture(rng, (width, height), mode, exact=exact)
        frames.append(Frame(picture, at, rng.choice(TIMES), rng.choice((KEEP, BACKGROUND)), rng.random() < 0.5))
    background = bytes(rng.randrange(256) for _ in range(4))
    data = webp(frames, size=size, plays=rng.choice(PLAYS), background=background, alpha=rng.random() < 0.7)
    return Animation("webp", data, exact)


def _size(rng: random.Random) -> tuple[int, int]:
    return rng.randrange(1, 40), rng.randrange(1, 40)


def _box(rng: random.Random, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Left, top, width and height."""
    left, top = rng.randrange(size[0]), rng.randrange(size[1])
    return left, top, rng.randrange(1, size[0] - left + 1), rng.randrange(1, size[1] - top + 1)


def _picture(rng: random.Random, size: tuple[int, ...], mode: str, *, exact: bool) -> Image.Image:
    bands = {"P": 1}.get(mode, len(Image.new(mode, (1, 1)).getbands()))
    picture = Image.new(mode, (size[0], size[1]))
    for _ in range(COLORS):
        fill = [rng.randrange(256) for _ in range(bands)]
        if mode in ("RGBA", "LA"):
            fill[-1] = rng.choice((0, 255) if exact else ALPHAS)
        if mode == "P":
            fill = [rng.randrange(COLORS)]
        left, top, width, height = _box(rng, (size[0], size[1]))
        picture.paste(tuple(fill) if bands > 1 else fill[0], (left, top, left + width, top + height))
    return picture


def _table(rng: random.Random) -> bytes:
    return bytes(rng.randrange(256) for _ in range(3 * (COLORS + 2)))


def _alphas(rng: random.Random, *, exact: bool) -> bytes:
    return bytes(rng.choice((0, 255) if exact else ALPHAS) for _ in range(rng.randrange(1, COLORS)))
