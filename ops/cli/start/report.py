"""What a run came to: totals, for people as a table and for machines as JSON."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.filesize import decimal
from rich.text import Text

from ops.cli.folders import OddFile
from ops.cli.follow import End
from ops.cli.start.events import EventTotals, compact
from ops.cli.start.photos import Photo
from ops.cli.tables import Facts, Grid, Whole, facts, table
from ops.cli.terminal import many, visible
from processing.ledger import Phase, Status

MOST_ROWS = 40  # the contact sheet has them all
DEAD_LETTER = "dead letter"
COLORS = {"done": "green", DEAD_LETTER: "red", "left": "yellow"}


@dataclass(frozen=True, slots=True)
class Failure:
    """An object without variants, and why."""

    key: str
    cause: str
    message: str


@dataclass(frozen=True, slots=True)
class SecondUpload:
    """What a second upload of the same bytes to the same keys came to."""

    images: int
    duplicates: int
    variants_unchanged: int
    variants_written: int
    settled: bool


@dataclass(frozen=True, slots=True)
class RunTotals:
    """A whole run. ``seconds`` run from the first upload to the last end; sizes are in bytes.

    ``not_uploaded`` counts the photos whose turn had not come when the run was interrupted.
    """

    images: int
    done: int
    variants: int
    bytes_in: int
    bytes_out: int
    seconds: float
    images_per_second: float
    duplicates: int
    skipped_files: int
    messages_left: bool
    dead_letters: tuple[Failure, ...]
    left: tuple[Failure, ...]
    contact_sheet: str
    again: SecondUpload | None = None
    events: EventTotals | None = None
    odd_files: tuple[OddFile, ...] = ()
    interrupted: bool = False
    not_uploaded: int = 0

    @property
    def complete(self) -> bool:
        """Whether no file was odd, every object has its end, each end its event, and the queue nothing more to say."""
        missing = self.events.missing if self.events else 0
        return not (self.interrupted or self.odd_files or self.left or self.messages_left or missing)


def total(
    ends: Sequence[End[Photo]],
    *,
    seconds: float,
    duplicates: int,
    skipped_files: int,
    messages_left: bool,
    contact_sheet: Path,
    again: SecondUpload | None,
    events: EventTotals | None = None,
    odd_files: Sequence[OddFile] = (),
    interrupted: bool = False,
    not_uploaded: int = 0,
) -> RunTotals:
    """Add a run up."""
    done = [end for end in ends if end.phase is Phase.DONE]
    variants = [variant for end in done if end.record for variant in end.record.variants]
    return RunTotals(
        images=len(ends),
        done=len(done),
        variants=len(variants),
        bytes_in=sum(end.subject.size for end in ends),
        bytes_out=sum(variant.bytes for variant in variants),
        seconds=round(seconds, 3),
        images_per_second=round(len(ends) / seconds, 2) if seconds else 0.0,
        duplicates=duplicates,
        skipped_files=skipped_files,
        messages_left=messages_left,
        dead_letters=tuple(why(end) for end in ends if end.has_failed),
        left=tuple(why(end) for end in ends if end.phase is None),
        contact_sheet=str(contact_sheet),
        again=again,
        events=events,
        odd_files=tuple(odd_files),
        interrupted=interrupted,
        not_uploaded=not_uploaded,
    )


def outcome(end: End[Photo]) -> str:
    """How an object ended, for people."""
    return DEAD_LETTER if end.has_failed else end.name


def why(end: End[Photo]) -> Failure:
    """Why an object has no variants."""
    key, record = end.version.key, end.record
    if record is None and end.phase is None:
        return Failure(key, "NotStarted", "its message is waiting in the queue")
    if record is None:
        return Failure(key, "NoRecord", "the images table has no record of it; see the consumer's log")
    if record.status is Status.DONE:
        return Failure(key, "NotCopied", "it is done; its variants were not copied before the run ended")
    if not record.cause:
        return Failure(key, record.status, "its message is waiting, or being worked on")
    return Failure(key, record.cause, record.message)


def pixels(width: int, height: int) -> str:
    """A size for people."""
    return f"{width}×{height}"  # noqa: RUF001 - the sign for it


def as_json(totals: RunTotals) -> dict[str, Any]:
    """For ``--json``."""
    return asdict(totals) | {"complete": totals.complete}


def show(console: Console, ends: Sequence[End[Photo]], totals: RunTotals) -> None:
    """Print the images, what went wrong, and the totals."""
    console.print(_images(ends))
    _print_more(console, len(ends), totals)
    for title, failures in (("Dead letters", totals.dead_letters), ("Left", totals.left)):
        if failures:
            console.print()
            console.print(f"{title}: {len(failures):,}", style="bold")
            console.print(_failure_table(failures[:MOST_ROWS]))
            _print_more(console, len(failures), totals)
    for each in totals.odd_files:
        console.print(f"skipped: {each.path} {each.why}", style="yellow")
    console.print()
    console.print(_totals(totals))
    if totals.events and totals.events.example:
        console.print("One of the events:", style="bold")
        console.print(compact(totals.events.example))


def _print_more(console: Console, rows: int, totals: RunTotals) -> None:
    if rows > MOST_ROWS:
        console.print(f"and {rows - MOST_ROWS} more: they are all in {totals.contact_sheet}", style="dim")


def _images(ends: Sequence[End[Photo]]) -> Grid:
    columns = ("image", "outcome", "format", "pixels", "bytes in", "variants", "bytes out", "ms")
    rows = [tuple(_row(end)) for end in ends[:MOST_ROWS]]
    drop = ("ms", "format", "variants", "bytes in", "pixels", "bytes out")
    return table(columns, rows, right=columns[3:], whole=columns[:1], drop=drop)


def _row(end: End[Photo]) -> Iterator[str | Text]:
    image = end.record.image if end.phase is Phase.DONE and end.record else None
    yield end.subject.name
    yield Text(outcome(end), style=COLORS.get(outcome(end), ""))
    yield f"{image.image_format} {image.mode}" if image else ""
    yield pixels(image.width, image.height) if image else ""
    yield decimal(end.subject.size)
    yield str(len(image.variants)) if image else ""
    yield decimal(sum(variant.bytes for variant in image.variants)) if image else ""
    yield str(sum(image.timings.values())) if image else ""


def _failure_table(failures: Sequence[Failure]) -> Grid:
    rows = [(failure.key, Text(visible(failure.cause), style="red"), failure.message) for failure in failures]
    return table(("object", "cause", "why"), rows, whole=("object",), prose=("why",))


def _totals(totals: RunTotals) -> Facts:
    return facts(_lines(totals), style="bold")


def _lines(totals: RunTotals) -> Iterator[tuple[str, str]]:
    dead, left = len(totals.dead_letters), len(totals.left)
    yield "images", f"{totals.images}: {totals.done} done, {dead} in the dead-letter queue, {left} left"
    if totals.skipped_files:
        yield "skipped", f"{many(totals.skipped_files, 'file')}: not an image, or ignored by the recipe"
    yield "variants", f"{totals.variants:,}"
    yield "bytes", f"{decimal(totals.bytes_in)} in, {decimal(totals.bytes_out)} out"
    yield "speed", f"{totals.images_per_second} images a second, {totals.seconds:.1f} s"
    yield "duplicates", str(totals.duplicates)
    if again := totals.again:
        kept = f"{many(again.variants_unchanged, 'variant')} unchanged, {again.variants_written:,} written"
        same = f"{many(again.images, 'image')}, the same bytes"
        yield "uploaded again", f"{same}: {many(again.duplicates, 'duplicate')}, {kept}"
    if events := totals.events:
        types = ", ".join(f"{number} {name}" for name, number in events.types.items())
        missing = f"; {events.missing} did not come" if events.missing else ""
        yield "events", f"{events.count} on the bus {events.bus}" + (f": {types}" if types else "") + missing
    if totals.interrupted:
        yield "interrupted", _interrupted(totals.not_uploaded, left)
    elif totals.messages_left:
        yield "queue", "still has messages; nothing is lost, but this run stopped waiting for them"
    yield "contact sheet", Whole(totals.contact_sheet)


def _interrupted(not_uploaded: int, left: int) -> str:
    """What the interruption left undone."""
    if not_uploaded or left:
        return f"{many(not_uploaded, 'photo')} not uploaded, {left} left; the next run starts over"
    return "after every photo was finished; later duplicates and events were not counted"
