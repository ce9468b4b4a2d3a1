"""How far a backfill has come, in a file: written after what SQS reported as sent, so that it survives any end."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from ops.errors import UsageError


@dataclass(frozen=True, slots=True)
class Progress:
    """Everything up to ``after``, a position of the source, has been dealt with."""

    after: str = ""
    looked_at: int = 0
    sent: int = 0


class Checkpoint:
    """The file of one backfill, or none.

    Args:
        of: what the backfill is of: the file of another one is refused.
    """

    def __init__(self, file: Path | None, of: Mapping[str, str]) -> None:
        self._file = file
        self._of = dict(of)

    def read(self) -> Progress:
        """Where to go on; at the beginning when there is no file.

        Raises:
            UsageError: the file is no checkpoint, or another backfill's.
        """
        if self._file is None or not self._file.exists():
            return Progress()
        try:
            said = json.loads(self._file.read_text(encoding="utf-8"))
            progress, of = Progress(**said["progress"]), said["of"]
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise UsageError(f"{self._file} is no checkpoint: give another file, or remove it") from error
        if of != self._of:
            differ = ", ".join(
                sorted(name for name in of.keys() | self._of.keys() if of.get(name) != self._of.get(name))
            )
            raise UsageError(
                f"{self._file} is the checkpoint of another backfill (not the same {differ}): "
                "give the options of then, or another file, or remove it"
            )
        return progress

    def write(self, progress: Progress) -> None:
        """Replace the file, in one step."""
        if self._file is None:
            return
        new = self._file.with_name(f"{self._file.name}.new")
        new.write_text(json.dumps({"of": self._of, "progress": asdict(progress)}), encoding="utf-8")
        os.replace(new, self._file)

    def remove(self) -> None:
        """All is done: the next backfill begins at the beginning."""
        if self._file is not None:
            self._file.unlink(missing_ok=True)
