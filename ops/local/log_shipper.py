"""What the functions print goes to CloudWatch Logs, as on AWS: each line of an environment's file is one event.

A file ``NAME-1.log`` is the stream of that name in the group ``/aws/lambda/NAME``, and a line has the time at which it
was read. So an event is a moment late, as on AWS, where it takes seconds.
"""

import re
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from botocore.exceptions import ClientError

PAUSE: Final = 0.25  # seconds between two looks at the files
MOST_BYTES: Final = 700_000  # of a file in one request, which takes 1 MB with 26 bytes more for each event
MOST_EVENTS: Final = 10_000  # in one request
OF_AN_ENVIRONMENT: Final = re.compile(r"(?P<function>.+)-\d+")


@dataclass
class LogShipper:
    """Follows the files in a folder until it is stopped.

    Args:
        logs: a boto3 client.
        folder: where `ops.local.environments` keeps a file for each environment.
    """

    logs: Any
    folder: Path
    _read: dict[Path, int] = field(default_factory=dict, init=False)
    _stopped: threading.Event = field(default_factory=threading.Event, init=False)
    _broken: BaseException | None = field(default=None, init=False)
    _thread: threading.Thread = field(init=False)

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._follow, name="log shipper", daemon=True)

    def start(self) -> None:
        """Begin; returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """End at once; what was not sent stays in the files."""
        self._stopped.set()
        if self._thread.ident is not None:
            self._thread.join()

    def raise_if_broken(self) -> None:
        """Raise what has ended the thread, if something has."""
        if self._broken is not None and not self._stopped.is_set():
            raise self._broken

    def _follow(self) -> None:
        try:
            while not self._stopped.wait(PAUSE):
                self.ship()
        except Exception as error:  # noqa: BLE001 - kept for raise_if_broken: a thread has nobody to raise to
            self._broken = error

    def ship(self) -> None:
        """Send every whole line that was not sent yet."""
        for file in sorted(self.folder.glob("*.log")):
            if (named := OF_AN_ENVIRONMENT.fullmatch(file.stem)) is None:
                continue  # of the emulator, or of the deployment
            while lines := self._unsent(file):
                self._put(f"/aws/lambda/{named['function']}", file.stem, lines)
                self._read[file] += sum(map(len, lines))

    def _unsent(self, file: Path) -> list[bytes]:
        """The next whole lines of a file, with their ends."""
        at = self._read.setdefault(file, 0)
        if file.stat().st_size == at:
            return []
        with file.open("rb") as log:
            log.seek(at)
            lines = log.read(MOST_BYTES).splitlines(keepends=True)[:MOST_EVENTS]
        if lines and not lines[-1].endswith(b"\n") and (len(lines) > 1 or len(lines[0]) < MOST_BYTES):
            lines.pop()  # it is still being written, or the next request has it
        return lines

    def _put(self, group: str, stream: str, lines: Sequence[bytes]) -> None:
        events = list(_events(lines))
        if not events:
            return
        where = {"logGroupName": group, "logStreamName": stream}
        try:
            self.logs.put_log_events(**where, logEvents=events)
        except ClientError as error:
            if error.response["Error"].get("Code") != "ResourceNotFoundException":
                raise
            self._create(group, stream)
            self.logs.put_log_events(**where, logEvents=events)

    def _create(self, group: str, stream: str) -> None:
        """The stream, and the group where the stack has none."""
        if not self.logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
            self.logs.create_log_group(logGroupName=group)
        self.logs.create_log_stream(logGroupName=group, logStreamName=stream)


def _events(lines: Sequence[bytes]) -> Iterator[dict[str, Any]]:
    """Lines as events; CloudWatch takes no empty one."""
    now = round(time.time() * 1000)
    for line in lines:
        if text := line.decode(errors="replace").rstrip("\r\n"):
            yield {"timestamp": now, "message": text}
