"""Where the local stacks of this clone are, for commands in other terminals: endpoint and credentials, a file each.

The owner keeps its file locked, so a file that anybody can lock was left behind by an owner that was killed.
"""

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ops.errors import StackError
from ops.local.credentials import Credentials
from ops.local.emulator import PROJECT

RUNNING = PROJECT / ".cache" / "running"
START_ONE = "start one in another terminal with: npm run local"


@dataclass(frozen=True, slots=True)
class Running:
    """A local stack that runs, as a client needs it; ``cdn`` is the URL of its CDN, if it has one."""

    endpoint: str
    credentials: Credentials
    cdn: str = ""


@contextmanager
def announced(stack: Running, folder: Path = RUNNING) -> Iterator[None]:
    """Let other commands of this user find the stack while the block runs."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{urlsplit(stack.endpoint).port}.json"
    being_written = file.with_suffix(f".{os.getpid()}")
    with open(os.open(being_written, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as locked:
        fcntl.flock(locked, fcntl.LOCK_EX)
        key, secret = stack.credentials.access_key, stack.credentials.secret
        json.dump({"endpoint": stack.endpoint, "access_key": key, "secret": secret, "cdn": stack.cdn}, locked)
        locked.flush()
        being_written.replace(file)  # whole and locked from the first moment on which anybody sees it
        try:
            yield
        finally:
            file.unlink(missing_ok=True)


def running_stack(environ: Mapping[str, str] | None = None, folder: Path = RUNNING) -> Running:
    """The local stack that a command means: the one whose variables it has, or else the only one that runs here.

    AWS_ENDPOINT_URL counts where it names a local stack, and only there: people set it for other emulators.

    Raises:
        StackError: none runs, or several, and AWS_ENDPOINT_URL names none of them.
    """
    environ = os.environ if environ is None else environ
    named, credentials = environ.get("AWS_ENDPOINT_URL", ""), Credentials.of(environ)
    if named and credentials:
        return Running(named, credentials)
    running = sorted(_announced(folder), key=lambda each: each.endpoint)
    chosen = [each for each in running if each.endpoint == named.rstrip("/")] or running
    if not chosen:
        raise StackError(f"no local stack is running: {START_ONE}")
    if len(chosen) > 1:
        raise StackError(
            f"{len(chosen)} local stacks are running ({', '.join(each.endpoint for each in chosen)}): "
            f"end all but one, or name the one you mean, such as AWS_ENDPOINT_URL={chosen[0].endpoint}"
        )
    return chosen[0]


def _announced(folder: Path) -> Iterator[Running]:
    for file in folder.glob("*.json"):
        with contextlib.suppress(FileNotFoundError), file.open(encoding="utf-8") as opened:  # it ends just now
            if _is_left_behind(opened):
                file.unlink(missing_ok=True)
                continue
            said = json.load(opened)
            yield Running(said["endpoint"], Credentials(said["access_key"], said["secret"]), said["cdn"])


def _is_left_behind(opened: Any) -> bool:
    try:
        fcntl.flock(opened, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
