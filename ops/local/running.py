"""Where the embedded stack that runs on this machine is: a small file that its owner writes and other commands read."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ops.local.errors import StackError

FILE = Path(__file__).resolve().parents[2] / ".cache" / "running-stack.json"


@contextmanager
def announced(endpoint: str, file: Path = FILE) -> Iterator[None]:
    """Tell other commands of the stack at ``endpoint`` while the block runs."""
    file.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"endpoint": endpoint, "pid": os.getpid()})
    file.write_text(text, encoding="utf-8")
    try:
        yield
    finally:
        if file.exists() and file.read_text(encoding="utf-8") == text:  # or another stack has been announced since
            file.unlink()


def running_endpoint(file: Path = FILE) -> str:
    """The URL of the embedded stack: AWS_ENDPOINT_URL, or the one that was announced and still runs.

    Raises:
        StackError: none runs.
    """
    if endpoint := os.environ.get("AWS_ENDPOINT_URL"):
        return endpoint
    try:
        said = json.loads(file.read_text(encoding="utf-8"))
        os.kill(said["pid"], 0)
    except (FileNotFoundError, ProcessLookupError) as error:
        raise StackError("no local stack is running: start one in another terminal with: npm run local") from error
    return str(said["endpoint"])
