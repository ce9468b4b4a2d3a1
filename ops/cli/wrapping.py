"""Text broken between words at the width of a terminal, and in one line where there is none; never within a word.

A command to paste counts as a word, and so does a span of code in backquotes.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

WORD: Final = r"""(?>\$'(?:[^'\\]|\\.)*+'|'[^']*+'|"[^"]*+"|[^\s'"])++"""
"""A word of a shell; whatever is in its quotation marks. It gives nothing back, or some keys would take for ever."""
COMMAND: Final = rf"(?:bin/darkroom|darkroom|npm run)(?: {WORD})+? --stage {WORD}(?: --(?:region|profile) {WORD})*"
"""As ops/cli/hints.py composes them."""


def is_terminal(console: Console) -> bool:
    """Whether somebody looks: rich is told otherwise by variables (FORCE_COLOR), which are for colors alone."""
    return console.file.isatty()


def wrapped(text: Text, width: int, console: Console, *, whole: Sequence[str] = ()) -> list[Text]:
    """The lines of a text, broken between words; in one line where there is no terminal.

    Args:
        whole: parts of it that count as a word.
    """
    if not is_terminal(console):
        return [Text(" ").join(split(text))]
    found = [line for each in split(text) for line in each.divide(_breaks(each.plain, width, whole))]
    for line in found:
        line.rstrip()
    return found


def len_of(text: Text) -> int:
    """Columns of a terminal."""
    return text.cell_len


def split(text: Text) -> list[Text]:
    """The lines that a text is meant to have; there is at least one."""
    return list(text.split("\n", allow_blank=True)) or [Text()]


def padded(text: Text, width: int, *, right: bool = False) -> Text:
    """The text with spaces to this width; ``right`` puts it at the end."""
    padding = Text(" " * max(0, width - len_of(text)))
    return padding + text if right else text + padding


def _breaks(text: str, width: int, whole: Sequence[str]) -> Iterator[int]:
    """Where lines of this width end; rich has the same, and breaks words."""
    used = 0
    pieces = "|".join([COMMAND, r"`[^`]+`", *(re.escape(part) for part in whole if " " in part)])
    for word in re.finditer(rf"(?:(?:{pieces})\S*|\S)+?(?:\s+|$)", text):
        if used and used + cell_len(word[0].rstrip()) > width:
            yield word.start()
            used = 0
        used += cell_len(word[0])
