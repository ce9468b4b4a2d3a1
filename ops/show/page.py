"""What is known of one object, for people and for programs."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from rich.filesize import decimal
from rich.table import Table
from rich.text import Text

from ops.images import Record, is_given_up
from ops.show.known import MISSING, Known, Seen
from ops.terminal import paper, table
from processing.ledger import REMOVED_KEY, Status


def show(known: Known, today: str) -> None:
    """Print it; ``today`` is the fingerprint of today's recipe."""
    say = paper().print
    say(f"{known.bucket}/{known.key}", style="bold")
    say(_now(known))
    say(f"status: {_status(known.current)}")
    for record in known.versions:
        say()
        say(f"version {record.etag}{' (in the bucket now)' if _is_current(known, record) else ''}")
        say(_listed((name, value) for name, value in _facts(record, today) if value))
    if known.variants:
        say()
        columns = ("variant", "pixels", "bytes", "now", "key")
        say(table(columns, [_row(seen) for seen in known.variants], right=("pixels", "bytes")))
    _print_links(known)


def advice(known: Known, stage: str) -> Iterator[str]:
    """What could be done about it, as sentences."""
    where = f"--stage {stage}"
    dead = [record for record in known.versions if _is_dead(record)]
    if dead:
        whose = "Its message" if known.current in dead else "The message of another version"
        yield f"{whose} may be a dead letter: darkroom dlq list {where} --where '{known.key}'"
    if known.current and known.current.status in (Status.REJECTED, Status.FAILED):
        yield f"To see it fail here: darkroom replay '{known.key}' {where}"
    if known.stored and not any(_is_current(known, each) for each in known.versions):
        yield f"The version in the bucket has no record: darkroom backfill {where} --prefix '{known.key}' --missing"
    if any(seen.state == MISSING for seen in known.variants) and known.stored:
        yield f"A variant is missing: darkroom backfill {where} --prefix '{known.key}' makes it again"


def as_json(known: Known) -> dict[str, Any]:
    """All of it."""
    return {
        "bucket": known.bucket,
        "key": known.key,
        "in_bucket": None if known.stored is None else asdict(known.stored) | {"link": known.link},
        "current": known.current.etag if known.current else None,
        "status": _status(known.current),
        "versions": [_version(known, record) for record in known.versions],
        "variants": [asdict(seen.variant) | {"now": seen.state, "link": seen.link} for seen in known.variants],
        "variants_of": known.finished.etag if known.finished else None,
    }


def _now(known: Known) -> str:
    if known.stored is None:
        return "not in the bucket now"
    stored = known.stored
    return (
        f"in the bucket now: {decimal(stored.size)}, {stored.content_type}, uploaded {stored.modified}, "
        f"ETag {stored.etag}"
    )


def _status(record: Record | None) -> str:
    """The status of the version that counts, and whether anything more will happen."""
    if record is None:
        return "not begun, or its message is on its way"
    if is_given_up(record, now=time.time()):
        return f"{record.status}, given up: its message was received for the last time"
    return f"{record.status}, tried again by itself" if record.status == Status.FAILED else record.status


def _is_dead(record: Record) -> bool:
    return record.status == Status.REJECTED or is_given_up(record, now=time.time())


def _facts(record: Record, today: str) -> Iterator[tuple[str, str]]:
    yield "status", record.status
    yield "why", f"{record.cause}: {record.message}" if record.cause else ""
    yield "where", f"fingerprint {record.fingerprint}" if record.fingerprint else ""
    yield "attempts", str(record.attempts or "")
    yield "changed", _time(record.updated_at)
    yield "uploaded", record.uploaded_at
    yield "image", _image(record)
    yield "taken", record.created_date
    yield "lost", ", ".join(record.lost)
    yield "timings", ", ".join(f"{stage} {took:,} ms" for stage, took in record.timings.items())
    if record.recipe:
        yield "recipe", f"{record.recipe}, {'' if record.recipe == today else 'not '}today's"
    yield "code", record.code_version
    yield "request", record.request_id
    yield "sequencer", record.sequencer


def _image(record: Record) -> str:
    if not record.image_format:
        return ""
    clear = ", transparent" if record.has_transparency else ""
    return f"{record.image_format} {record.mode} {record.pixels}{clear}, {decimal(record.size_bytes)}"


def _listed(facts: Iterable[tuple[str, str]]) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column()
    grid.add_column(overflow="fold")
    for name, value in facts:
        grid.add_row(f"  {name}", Text(value))
    return grid


def _row(seen: Seen) -> tuple[str, str, str, str, str]:
    variant = seen.variant
    return variant.name, variant.pixels, decimal(variant.bytes), seen.state, variant.key


def _print_links(known: Known) -> None:
    links = [("original", known.link), *((seen.variant.name, seen.link) for seen in known.variants)]
    for name, link in links:
        if link:
            paper().print()
            paper().print(f"{name}:", link, soft_wrap=True)


def _version(known: Known, record: Record) -> dict[str, Any]:
    return asdict(record) | {"in_bucket": _is_current(known, record), "removals": record.etag == REMOVED_KEY}


def _is_current(known: Known, record: Record) -> bool:
    return known.stored is not None and known.stored.etag == record.etag


def _time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds") if seconds else ""
