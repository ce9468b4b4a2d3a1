"""Which characters a text mark can have: those that come out right with the included font and no shaping.

Pillow shapes text (joins, reorders, places marks) only where the system has libfribidi, and Lambda has none. So texts
are set glyph by glyph everywhere, and the characters for which that is wrong are refused. Only the standard library is
used: the recipe is also checked before anything is installed.
"""

import struct
import unicodedata
from functools import cache
from pathlib import Path
from typing import Final

FONT: Final = Path(__file__).resolve().parents[1] / "imaging" / "fonts" / "DejaVuSans-Bold.ttf"
RIGHT_TO_LEFT: Final = ("R", "AL", "AN")
SHAPED: Final = ("M", "C")  # Unicode's categories: combining marks; controls, joiners and what is not assigned


def unsettable(text: str) -> list[str]:
    """The characters of a text that would come out wrong, once each, such as ``U+05D0 HEBREW LETTER ALEF``."""
    wrong = [character for character in dict.fromkeys(text) if character != "\n" and not _is_settable(character)]
    return [f"U+{ord(character):04X} {unicodedata.name(character, '(no name)')}" for character in wrong]


def _is_settable(character: str) -> bool:
    return (
        ord(character) in _characters(FONT)
        and not unicodedata.category(character).startswith(SHAPED)
        and unicodedata.bidirectional(character) not in RIGHT_TO_LEFT
    )


@cache
def _characters(font: Path) -> frozenset[int]:
    """The code points that a font has glyphs for, by the table ``cmap`` in its format 12:
    https://learn.microsoft.com/en-us/typography/opentype/spec/cmap
    """
    data = font.read_bytes()
    (tables,) = struct.unpack_from(">H", data, 4)
    records = (struct.unpack_from(">4s4xI", data, 12 + 16 * number) for number in range(tables))
    cmap = dict(records)[b"cmap"]
    (subtables,) = struct.unpack_from(">H", data, cmap + 2)
    places = (cmap + struct.unpack_from(">I", data, cmap + 8 + 8 * number)[0] for number in range(subtables))
    full = next(at for at in places if data[at : at + 2] == b"\0\x0c")
    (groups,) = struct.unpack_from(">I", data, full + 12)
    ranges = (struct.unpack_from(">II", data, full + 16 + 12 * number) for number in range(groups))
    return frozenset(code for first, last in ranges for code in range(first, last + 1))
