"""The formats that the packaged engine reads: a reader that only the workshop has is out of sight, as on Lambda.

All other packages of the engine are pinned for both in one file. Run as ``python -m ops.cli.packaged`` it is the fork
server of a sandbox that has these readers.
"""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from processing.sandbox import fork_server

ROOT: Final = Path(__file__).parents[2]
REQUIREMENTS: Final = ("requirements-base.txt", "requirements.txt")
READERS: Final = {"pi_heif": "pi-heif"}  # the modules that the engine does without, and their packages
FORK_SERVER: Final = "ops.cli.packaged"


@contextmanager
def packaged_readers(root: Path = ROOT) -> Iterator[None]:
    """Have `processing.imaging` find no reader that ``root``'s requirements do not name, while the block runs."""
    packaged = _packaged(root)
    hidden = [module for module, package in READERS.items() if package not in packaged]
    before = {module: sys.modules[module] for module in hidden if module in sys.modules}
    for module in hidden:
        sys.modules[module] = None  # type: ignore[assignment] # an import of it fails, as if it were not there
    try:
        yield
    finally:
        for module in hidden:
            del sys.modules[module]
        sys.modules.update(before)


def _packaged(root: Path) -> set[str]:
    """Names of packages: https://packaging.python.org/en/latest/specifications/name-normalization/"""
    lines = [line for name in REQUIREMENTS for line in (root / name).read_text(encoding="utf-8").splitlines()]
    return {re.sub(r"[-_.]+", "-", line.partition("==")[0].strip()).lower() for line in lines}


if __name__ == "__main__":
    with packaged_readers():
        fork_server.main()
