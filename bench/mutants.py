"""Broken files, each made from a number: bits flipped, lengths that lie, ends cut off, pieces that change places."""

import random
from collections.abc import Callable, Sequence

NASTY = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF)


def flip(data: bytearray, chance: random.Random) -> None:
    for _ in range(chance.randint(1, 8)):
        data[chance.randrange(len(data))] = chance.randrange(256)


def flip_header(data: bytearray, chance: random.Random) -> None:
    for _ in range(chance.randint(1, 4)):
        data[chance.randrange(min(len(data), 256))] = chance.randrange(256)


def set_number(data: bytearray, chance: random.Random) -> None:
    """A length or an offset that lies."""
    size = chance.choice((1, 2, 4))
    at = chance.randrange(max(1, min(len(data), 2000) - size))
    number = chance.choice(NASTY) & (1 << 8 * size) - 1
    data[at : at + size] = number.to_bytes(size, chance.choice(("big", "little")))


def cut(data: bytearray, chance: random.Random) -> None:
    del data[chance.randrange(len(data)) :]


def remove(data: bytearray, chance: random.Random) -> None:
    at = chance.randrange(len(data))
    del data[at : at + chance.randint(1, 64)]


def repeat(data: bytearray, chance: random.Random) -> None:
    at = chance.randrange(len(data))
    piece = data[at : at + chance.randint(1, 512)]
    data[at:at] = piece * chance.randint(1, 20)


def swap(data: bytearray, chance: random.Random) -> None:
    """Two pieces change places, as chunks and segments do in files that are put together wrongly."""
    size = chance.randint(1, max(1, len(data) // 3))
    one, other = sorted(chance.randrange(max(1, len(data) - size)) for _ in range(2))
    if other >= one + size:
        data[one : one + size], data[other : other + size] = data[other : other + size], data[one : one + size]


def insert(data: bytearray, chance: random.Random) -> None:
    at = chance.randrange(len(data))
    data[at:at] = chance.randbytes(chance.randint(1, 64))


MUTATIONS: Sequence[Callable[[bytearray, random.Random], None]] = (
    *(flip, flip_header, flip_header, set_number, set_number),
    *(cut, remove, repeat, swap, insert),
)


def mutant(number: int, originals: Sequence[tuple[str, bytes]]) -> tuple[str, bytes]:
    """The broken image of this number; now and then the end of one file behind the beginning of another."""
    chance = random.Random(number)
    name, original = chance.choice(originals)
    data = bytearray(original)
    if chance.random() < 0.1:
        other, donor = chance.choice(originals)
        name += f" + {other}"
        data[chance.randrange(len(data)) :] = donor[chance.randrange(len(donor)) :]
    for _ in range(chance.randint(1, 3)):
        chance.choice(MUTATIONS)(data, chance)
        if not data:
            break
    return name, bytes(data)
