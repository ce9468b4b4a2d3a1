"""The file by which a long command is resumed: what it has done, and the options that it was given."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

from ops.errors import UsageError

Progress = TypeVar("Progress")
"""A dataclass of what JSON knows."""


class Checkpoint(Generic[Progress]):
    """How far a command is, in a file: written after something was done, so that it survives any end.

    Args:
        file: None to keep nothing.
        of: the options of the command: the checkpoint of another run is refused.
        start: the progress of one that has done nothing.
    """

    def __init__(self, file: Path | None, of: Mapping[str, str], start: Progress) -> None:
        self._file = file
        self._of = dict(of)
        self._start = start

    @property
    def exists(self) -> bool:
        """Whether an earlier run has left one."""
        return self._file is not None and self._file.exists()

    def read(self) -> Progress:
        """Where to resume; at the beginning when there is no file.

        Raises:
            UsageError: the file is not a checkpoint, or another run's.
        """
        if self._file is None or not self.exists:
            return self._start
        try:
            content = json.loads(self._file.read_text(encoding="utf-8"))
            progress, of = type(self._start)(**content["progress"]), content["of"]
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise UsageError(f"{self._file} is not a checkpoint: give another file, or remove it") from error
        if of != self._of:
            differ = ", ".join(
                sorted(name for name in of.keys() | self._of.keys() if of.get(name) != self._of.get(name))
            )
            raise UsageError(
                f"{self._file} is the checkpoint of another run (not the same {differ}): "
                "use the same options, give another file, or remove it"
            )
        return progress

    def write(self, progress: Progress) -> None:
        """Replace the file, in one step."""
        if self._file is None:
            return
        new = self._file.with_name(f"{self._file.name}.new")
        new.write_text(json.dumps({"of": self._of, "progress": asdict(cast(Any, progress))}), encoding="utf-8")
        os.replace(new, self._file)

    def remove(self) -> None:
        """The next run begins at the beginning."""
        if self._file is not None:
            self._file.unlink(missing_ok=True)
