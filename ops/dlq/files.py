"""Letters as JSON lines, one a line: what ``dlq list --json`` shows of each, so that other tools can sift them."""

import base64
import binascii
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

from ops.dlq.causes import Case, Cause, version_of
from ops.dlq.letters import Letter
from ops.errors import UsageError


def as_document(case: Case) -> dict[str, Any]:
    """A letter and what is known of it, as JSON; binary attributes are in base64."""
    return {
        "id": case.letter.message_id,
        "cause": case.cause.id,
        "why": case.message,
        "bucket": case.bucket,
        "key": case.key,
        "etag": version_of(case.event)[1] if case.event else "",
        "sent_at": moment(case.letter.sent_at),
        "last_seen": moment(case.last_seen),
        "redrive": case.redrive,
        "body": case.letter.body,
        "attributes": dict(case.letter.attributes),
        "message_attributes": {name: _encoded(value) for name, value in case.letter.message_attributes.items()},
        "record": asdict(case.record) if case.record else None,
    }


def moment(at: float) -> str:
    """A time as people and programs read it."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%SZ") if at else ""


def many(count: int) -> str:
    """So many letters, in words."""
    return f"{count} letter{'' if count == 1 else 's'}"


def write_lines(cases: Iterable[Case], file: TextIO) -> None:
    """Write one line a letter."""
    for case in cases:
        file.write(json.dumps(as_document(case), ensure_ascii=True) + "\n")


def save(cases: Iterable[Case], path: Path) -> None:
    """Write a new file, which is on the disk and whole when this returns.

    Raises:
        UsageError: there is such a file already, or it cannot be written.
    """
    part = path.with_name(path.name + ".part")
    try:
        if path.exists():
            raise FileExistsError(17, "it exists already")
        with part.open("x", encoding="ascii") as file:
            write_lines(cases, file)
            file.flush()
            os.fsync(file.fileno())
        part.rename(path)
    except OSError as error:
        raise UsageError(f"{path} cannot be written ({error.strerror}): name another file with --out") from error


def read_lines(file: TextIO) -> list[Case]:
    """The letters of an export, in its order.

    Raises:
        UsageError: a line is none; says which.
    """
    return [_read(number, line) for number, line in enumerate(file, start=1) if line.strip()]


def _read(number: int, line: str) -> Case:
    try:
        document = json.loads(line)
        attributes = {name: _decoded(value) for name, value in document.get("message_attributes", {}).items()}
        body, name = document["body"], document.get("id", "")
        if not isinstance(body, str) or not body:
            raise TypeError("body is no text")
    except (ValueError, KeyError, TypeError, AttributeError, binascii.Error) as error:
        raise UsageError(
            f"line {number} is no letter of an export ({type(error).__name__}: {error}): nothing was sent; mend it"
        ) from error
    return Case(Letter(name, "", body, {}, attributes), Cause(document.get("cause", "")))


def _encoded(value: Mapping[str, Any]) -> dict[str, Any]:
    return {
        kind: base64.b64encode(content).decode() if isinstance(content, bytes) else content
        for kind, content in value.items()
    }


def _decoded(value: Mapping[str, Any]) -> dict[str, Any]:
    return {kind: base64.b64decode(content) if kind == "BinaryValue" else content for kind, content in value.items()}
