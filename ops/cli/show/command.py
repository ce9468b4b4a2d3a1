"""``darkroom show`` on the command line: its options, the output for people and as JSON, and its exit code."""

import glob
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, assert_never

import typer
from rich.filesize import decimal

from ops.cli.recipes import VariantPlan, VariantState, recipe_of
from ops.cli.show.facts import LINK_LIMIT, Finder, ObjectFacts, VariantFacts, key_of
from ops.cli.stage import Stage, on_stage
from ops.cli.tables import Facts, Whole, advise, facts, paragraph, table
from ops.cli.terminal import AsJson, age, moment, print_json, stderr, stdout
from processing.ledger import ImageRecord, Phase, Record, Status


@on_stage
def show(
    stage: Stage,
    thing: Annotated[
        str, typer.Argument(metavar="OBJECT", help="A key, with or without the prefix; bucket/key; s3://bucket/key.")
    ],
    minutes: Annotated[int, typer.Option("--link-minutes", min=1, max=LINK_LIMIT, help="How long links last.")] = 60,
    as_json: AsJson = False,
) -> None:
    """Show everything that is known about one photo.

    Whether it is in the bucket now, and as which version; every version that was ever seen, with its status, attempts,
    reason, timings and code; each of its variants: whether it is there, of another version, outdated or missing, and a
    link. A link works for anyone who has it, until it or the credentials that signed it expire.

    Exit code 1 when nothing is known about it.

    Examples:

    darkroom show 2026/cat.jpg --stage prod

    darkroom show s3://my-uploads/images/2026/cat.jpg --stage prod --link-minutes 5

    darkroom show images/cat.jpg --stage local --json
    """
    key, plan = key_of(stage, thing), VariantPlan(recipe_of(stage), stage.uploads_prefix)
    facts = Finder(stage, plan, minutes * 60).find(key)
    if as_json:
        print_json(document(facts))
    elif facts.is_anything:
        print_page(facts, plan)
        for sentence in advice(facts, stage):
            advise(sentence)
    if not facts.is_anything:
        stderr().print(f"Not found: {stage.uploads_bucket}/{key} is neither in the bucket nor in the images table.")
        raise typer.Exit(1)


def print_page(found: ObjectFacts, plan: VariantPlan) -> None:
    """All facts, for people."""
    say = stdout().print
    say(f"{found.bucket}/{found.key}", style="bold")
    say(paragraph(_stored(found)))
    say(paragraph(f"status: {_status(found.current)}"))
    for record in found.versions:
        say()
        say(f"version {record.version.etag}{' (in the bucket now)' if found.is_stored(record) else ''}")
        say(_listed((name, value) for name, value in _lines(record, plan) if value))
    if found.variants:
        say()
        columns = ("variant", "pixels", "bytes", "now", "key")
        rows = [_row(stored) for stored in found.variants]
        say(table(columns, rows, right=("pixels", "bytes"), whole=("key",)))
    for name, link in [("original", found.link), *((stored.variant.name, stored.link) for stored in found.variants)]:
        if link:
            say()
            say(f"{name}:", link)


def advice(facts: ObjectFacts, stage: Stage) -> Iterator[str]:
    """What can be done about it, as sentences."""
    key, now = facts.key, time.time()
    dead = [record for record in facts.versions if _is_dead(record.phase(now))]
    if dead:
        whose = "Its message" if facts.current in dead else "The message of another version"
        yield f"{whose} may be a dead letter: {stage.command('dlq', 'list', '--where', glob.escape(key))}"
    phase = facts.current.phase(now) if facts.current else None
    if phase is Phase.RETRYING or (phase and _is_dead(phase)):
        yield f"To reproduce the failure here: {stage.command('replay', key)}"
        yield f"To read what the consumer logged: {stage.command('logs', key)}"
    if facts.stored and not any(facts.is_stored(each) for each in facts.versions):
        missing = stage.command("backfill", "--prefix", key, "--missing")
        yield f"The version in the bucket has no record. To process it: {missing}"
    states = {stored.state for stored in facts.variants}
    for state in (VariantState.MISSING, VariantState.OUTDATED):
        if state in states and facts.stored:
            yield f"A variant is {state}. To make it again: {stage.command('backfill', '--prefix', key)}"


def document(facts: ObjectFacts) -> dict[str, Any]:
    """All facts, for programs."""
    return {
        "bucket": facts.bucket,
        "key": facts.key,
        "in_bucket": None if facts.stored is None else asdict(facts.stored) | {"link": facts.link},
        "current": facts.current.version.etag if facts.current else None,
        "status": _status(facts.current),
        "versions": [_version(facts, record) for record in facts.versions],
        "variants": [asdict(each.variant) | {"now": each.state, "link": each.link} for each in facts.variants],
        "variants_of": facts.finished.version.etag if facts.finished else None,
    }


def _version(facts: ObjectFacts, record: Record) -> dict[str, Any]:
    """One record, flat."""
    fields = asdict(record)
    version, reason, image = (fields.pop(name) or {} for name in ("version", "reason", "image"))
    about = {"object": record.version.object, "etag": version["etag"], "removals": record.version.is_removals}
    if record.image:
        image |= {"placeholder": record.image.placeholder_url}
    why = {name: reason.get(name, "") for name in ("cause", "message", "fingerprint", "where", "request_id")}
    return about | {"in_bucket": facts.is_stored(record)} | fields | why | image


def _is_dead(phase: Phase) -> bool:
    """Whether its message is in the dead-letter queue."""
    return phase.is_end and not phase.is_good


def _stored(facts: ObjectFacts) -> str:
    if facts.stored is None:
        return "not in the bucket now"
    stored = facts.stored
    return (
        f"in the bucket now: {decimal(stored.size)}, {stored.content_type}, uploaded {_ago(stored.modified)}, "
        f"ETag {stored.etag}"
    )


def _status(record: Record | None) -> str:
    """The status of the version that counts, and whether anything more will happen."""
    if record is None:
        return "not started, or its message is on its way"
    match phase := record.phase(time.time()):
        case Phase.DEAD:
            return f"{record.status}, given up: its message was received for the last time"
        case Phase.RETRYING:
            return f"{record.status}, retried automatically"
        case Phase.NOT_STARTED | Phase.INTERRUPTED:
            return f"{record.status}, {phase}: retried automatically"
        case Phase.WORKING | Phase.REJECTED | Phase.DONE | Phase.SUPERSEDED | Phase.REMOVED:
            return record.status
        case _:
            assert_never(phase)


def _lines(record: Record, plan: VariantPlan) -> Iterator[tuple[str, str]]:
    reason, image = record.reason, record.image
    yield "status", record.status
    yield "why", f"{record.cause}: {record.message}" if reason else ""
    yield "where", f"fingerprint {reason.fingerprint}, {reason.where}" if reason and reason.fingerprint else ""
    yield "attempts", str(record.attempts or "")
    yield "changed", _ago(record.updated_at)
    yield "uploaded", _ago(record.uploaded_at)
    if image:
        yield "image", _image(image)
        yield "taken", image.created_date or ""
        yield "lost", ", ".join(image.lost)
        yield "color", image.color
        yield "placeholder", Whole(image.placeholder_url)
        yield "timings", ", ".join(f"{stage} {took:,} ms" for stage, took in image.timings.items())
    if record.status is Status.DONE:
        yield "recipe", f"to make: {', '.join(names)}" if (names := plan.to_make(record)) else "current"
    yield "code", record.code_version
    yield "request", reason.request_id if reason else ""
    yield "sequencer", record.sequencer


def _image(image: ImageRecord) -> str:
    transparent = ", transparent" if image.has_transparency else ""
    pixels = _pixels(image.width, image.height)
    return f"{image.image_format} {image.mode} {pixels}{transparent}, {decimal(image.size_bytes)}"


def _listed(rows: Iterable[tuple[str, str]]) -> Facts:
    return facts(rows, indent=2)


def _row(stored: VariantFacts) -> tuple[str, str, str, str, str]:
    variant = stored.variant
    size = (_pixels(variant.width, variant.height), decimal(variant.bytes)) if variant.bytes else ("-", "-")
    return variant.name, *size, stored.state, variant.key


def _pixels(width: int, height: int) -> str:
    return f"{width}×{height}"  # noqa: RUF001 - the sign for it


def _ago(at: int | str) -> str:
    """A time, and how long ago that was."""
    said = moment(at)
    try:
        seconds = time.time() - datetime.fromisoformat(said).timestamp()
    except ValueError:
        return said
    return f"{said} ({age(seconds)} ago)"
