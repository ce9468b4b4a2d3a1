"""A scene on terminals of three widths and in a pipe, as the text of one file."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

from tests.ops.cli.terminals import printed

SHOWN: Final = Path(__file__).parent / "shown"
WIDTHS: Final = (60, 80, 120, None)
REGENERATE: Final = "python -m tests.ops.cli.screens --write"


def file_of(name: str) -> Path:
    """Where the screens of a scene are kept."""
    return SHOWN / f"{name}.txt"


def screens_of(scene: Callable[[], None]) -> str:
    """All of its screens, under a ruler of their width each."""
    return "\n".join(f"{_ruler(width)}\n{_steady(printed(scene, width))}" for width in WIDTHS)


def _ruler(width: int | None) -> str:
    return f"== {width} columns ".ljust(width, "=") if width else "== pipe"


def _steady(text: str) -> str:
    """Without what is counted from now."""
    return re.sub(r"\d+ (s|min|h|d) ago", "AGE ago", text)
