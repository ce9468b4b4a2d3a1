"""Lines of the consumer's log group in CloudWatch Logs, by a pattern and by time; and the traceback of a failure.

A pattern only makes CloudWatch send less: what is wanted is decided here, line by line. So no character of a key has to
be quoted in a pattern's language: those that might be stand there as ``*``, which matches any.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
"""

import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, Final, Self

from botocore.exceptions import ClientError

from ops.cli.stage import Stage
from processing.ledger import Record
from processing.storage.refusals import code_of

LONGEST: Final = 6 * 3600.0  # seconds before its last change that an object is searched: all attempts of a message
MARGIN: Final = 300.0  # seconds around a record's times: clocks differ, and a line is written after the record
LATE: Final = 60.0  # seconds by which a line may come later than lines with a later time
MAX_VALUE: Final = 900  # characters of a value in a pattern, which may have 1,024
IN_A_PATTERN: Final = re.compile(r"[^A-Za-z0-9 /._:+@=-]")


@dataclass(frozen=True)
class LogEvent:
    """One line: ``at`` in seconds since the epoch; ``fields`` are empty where it is no JSON object."""

    id: str
    at: float
    stream: str
    text: str

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> Self:
        """Out of CloudWatch's answer."""
        return cls(event["eventId"], event["timestamp"] / 1000, event["logStreamName"], event["message"].rstrip("\n"))

    @cached_property
    def fields(self) -> Mapping[str, Any]:
        """What the consumer logs is JSON; what Lambda or a library prints is not."""
        try:
            found = json.loads(self.text)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}


@dataclass(frozen=True, slots=True)
class WantedLines:
    """Which lines: of an object (``bucket/key``), of a request, or all where both are empty."""

    object: str = ""
    request_id: str = ""

    @property
    def pattern(self) -> str:
        """For CloudWatch; it may match more."""
        if self.request_id:
            return f'"{IN_A_PATTERN.sub("", self.request_id)}"'
        if self.object:
            return f'{{ $.object = "{IN_A_PATTERN.sub("*", self.object[:MAX_VALUE])}*" }}'
        return ""

    def matches(self, event: LogEvent) -> bool:
        """Whether a line is one of them."""
        if self.object and event.fields.get("object") != self.object:
            return False
        return self.request_id in event.text


@dataclass(frozen=True, slots=True)
class ConsumerLog:
    """The log group of a stage's consumer; ``logs`` is a boto3 client."""

    logs: Any
    group: str

    @classmethod
    def of(cls, stage: Stage) -> Self:
        """The group that Lambda writes to, and the local stack likewise."""
        return cls(stage.client("logs"), f"/aws/lambda/{stage.consumer}")

    def read(self, wanted: WantedLines, begin: float, end: float | None = None) -> list[LogEvent]:
        """The lines from ``begin`` to ``end`` (seconds since the epoch; None is now), in the order of their times."""
        request = {"logGroupName": self.group, "startTime": max(0, int(begin * 1000))}
        request |= {"filterPattern": wanted.pattern} if wanted.pattern else {}
        request |= {} if end is None else {"endTime": int(end * 1000)}
        pages = self.logs.get_paginator("filter_log_events").paginate(**request)
        events = (LogEvent.of(event) for page in pages for event in page["events"])
        return sorted((event for event in events if wanted.matches(event)), key=lambda event: event.at)


@dataclass
class LogFollower:
    """Reads a log again and again, and returns each line once, also one that comes late."""

    log: ConsumerLog
    wanted: WantedLines
    begin: float
    _seen: dict[str, float] = field(default_factory=dict, init=False)

    def read(self) -> list[LogEvent]:
        """What came since the last time."""
        events = [event for event in self.log.read(self.wanted, self.begin) if event.id not in self._seen]
        self._seen |= {event.id: event.at for event in events}
        self.begin = max(self.begin, max(self._seen.values(), default=0) - LATE)
        self._seen = {name: at for name, at in self._seen.items() if at >= self.begin}
        return events


@dataclass(frozen=True, slots=True)
class Traceback:
    """The innermost traceback of a failure, and the stream that has it; where ``text`` is empty, ``why`` says so."""

    group: str
    stream: str = ""
    text: str = ""
    why: str = ""


def traceback_of(stage: Stage, record: Record) -> Traceback | None:
    """What the function logged when it met a bug; None where the last failure was none, or left no request id.

    A refusal of CloudWatch is no failure of whoever asks: it is said in ``why``.
    """
    reason = record.reason
    if reason is None or not reason.fingerprint or not reason.request_id:
        return None
    log = ConsumerLog.of(stage)
    wanted = WantedLines(record.version.object, reason.request_id)
    try:
        events = log.read(wanted, record.updated_at - MARGIN, record.updated_at + MARGIN)
    except ClientError as error:
        return Traceback(log.group, why=f"the log could not be read: {code_of(error)}")
    for event in reversed(events):
        if text := event.fields.get("traceback"):
            # a child process has one of its own, which ends where the bug is
            notes = (event.fields.get("reason") or {}).get("notes") or [text]
            return Traceback(log.group, event.stream, str(notes[-1]))
    return Traceback(log.group, why="not in the log (any more)")


def period_of(records: Sequence[Record], now: Callable[[], float] = time.time) -> tuple[float, float | None]:
    """When an object's lines were written, by its records: its last attempts, until now if there will be more."""
    begins = [max(_moment(record.uploaded_at), record.ended_at - LONGEST) for record in records]
    over = all(record.phase(now()).is_end for record in records)
    return min(begins) - MARGIN, max(record.ended_at for record in records) + MARGIN if over else None


def _moment(text: str) -> float:
    try:
        return datetime.fromisoformat(text).timestamp() if text else 0.0
    except ValueError:
        return 0.0
