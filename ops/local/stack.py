"""The whole service on this machine, from an empty emulator to a running consumer, as one context manager."""

from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ops.local.errors import StackError
from ops.local.player import Player

__all__ = ["LocalStack", "StackError"]


class LocalStack:
    """Starts the emulator, deploys the service to it and plays its event source mapping until the block ends.

    Args:
        project_root: the folder with serverless.yml.
        work_dir: where logs go; made when missing.
        progress: called with one short sentence at the beginning of each step.
        port: the emulator's port; any free one when not given.
        environments: at most this many execution environments; the smaller of the mapping's MaximumConcurrency and
            the number of cores when not given.

    Raises (on entering):
        StackError: one line that says what is missing and what to do.
    """

    endpoint: str
    region: str
    outputs: dict[str, str]
    log_dir: Path
    player: Player

    def __init__(
        self,
        project_root: Path,
        *,
        work_dir: Path,
        progress: Callable[[str], None],
        port: int | None = None,
        environments: int | None = None,
    ) -> None:
        self.project_root = project_root
        self.log_dir = work_dir / "logs"
        self._progress = progress
        self._port = port
        self._environments = environments

    def __enter__(self) -> Self:
        raise NotImplementedError

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        raise NotImplementedError

    def client(self, service: str) -> Any:
        """The stack's boto3 client for ``service``; the same one each time, safe to share between threads."""
        raise NotImplementedError

    def environ(self) -> dict[str, str]:
        """What a child process needs in its environment to talk to this stack with any AWS SDK, and to nothing else."""
        raise NotImplementedError
