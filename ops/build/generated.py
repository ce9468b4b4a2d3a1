"""What the generators of documents have in common: their command line, and a section between two markers of a page."""

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path


def print_or_write(
    arguments: Sequence[str], *, usage: str, shown: Callable[[], str], files: Mapping[Path, Callable[[], str]]
) -> int:
    """Print what is shown, or with ``--write`` write each file; the exit status, 2 for other arguments."""
    if list(arguments) == ["--write"]:
        for path, content in files.items():
            path.write_text(content(), encoding="utf-8")
        return 0
    if arguments:
        sys.stderr.write(f"usage: {usage}\n")
        return 2
    sys.stdout.write(shown())
    return 0


def with_section(text: str, begin: str, end: str, section: str) -> str:
    """The page with this section between its markers."""
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(end)
    return f"{before}{begin}\n\n{section}\n\n{end}{after}"
