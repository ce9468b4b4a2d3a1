"""Broken files, each made from a number: flipped bits, false lengths, missing ends, swapped pieces."""

import random
from collections.abc import Callable, Sequence

BOUNDARY_VALUES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF)


def flip(data: bytearray, rng: random.Random) -> None:
    for _ in range(rng.randint(1, 8)):
        data[rng.randrange(len(data))] = rng.randrange(256)


def flip_header(data: bytearray, rng: random.Random) -> None:
    for _ in range(rng.randint(1, 4)):
        data[rng.randrange(min(len(data), 256))] = rng.randrange(256)


def set_number(data: bytearray, rng: random.Random) -> None:
    """A false length or offset."""
    size = rng.choice((1, 2, 4))
    at = rng.randrange(max(1, min(len(data), 2000) - size))
    number = rng.choice(BOUNDARY_VALUES) & (1 << 8 * size) - 1
    data[at : at + size] = number.to_bytes(size, rng.choice(("big", "little")))


def cut(data: bytearray, rng: random.Random) -> None:
    del data[rng.randrange(len(data)) :]


def remove(data: bytearray, rng: random.Random) -> None:
    at = rng.randrange(len(data))
    del data[at : at + rng.randint(1, 64)]


def repeat(data: bytearray, rng: random.Random) -> None:
    at = rng.randrange(len(data))
    piece = data[at : at + rng.randint(1, 512)]
    data[at:at] = piece * rng.randint(1, 20)


def swap(data: bytearray, rng: random.Random) -> None:
    """Swap two pieces, like chunks or segments in the wrong order."""
    size = rng.randint(1, max(1, len(data) // 3))
    one, other = sorted(rng.randrange(max(1, len(data) - size)) for _ in range(2))
    if other >= one + size:
        data[one : one + size], data[other : other + size] = data[other : other + size], data[one : one + size]


def insert(data: bytearray, rng: random.Random) -> None:
    at = rng.randrange(len(data))
    data[at:at] = rng.randbytes(rng.randint(1, 64))


MUTATIONS: Sequence[Callable[[bytearray, random.Random], None]] = (
    *(flip, flip_header, flip_header, set_number, set_number),
    *(cut, remove, repeat, swap, insert),
)


def mutant(number: int, originals: Sequence[tuple[str, bytes]]) -> tuple[str, bytes]:
    """Return the broken image of this number; one in ten is the beginning of one file with the end of another."""
    rng = random.Random(number)
    name, original = rng.choice(originals)
    data = bytearray(original)
    if rng.random() < 0.1:
        other, donor = rng.choice(originals)
        name += f" + {other}"
        data[rng.randrange(len(data)) :] = donor[rng.randrange(len(donor)) :]
    for _ in range(rng.randint(1, 3)):
        rng.choice(MUTATIONS)(data, rng)
        if not data:
            break
    return name, bytes(data)
