"""What a run came to: totals, for people as a table and for machines as JSON."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.filesize import decimal
from rich.table import Table
from rich.text import Text

from ops.cli.folders import OddFile
from ops.cli.follow import End
from ops.cli.start.events import EventTotals, compact
from ops.cli.start.photos import Photo
from processing.ledger import Phase

MOST_ROWS = 40  # the contact sheet has them all
DEAD_LETTER = "dead letter"
COLOURS = {"done": "green", DEAD_LETTER: "red", "left": "yellow"}


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
    """A whole run. ``seconds`` run from the first upload to the last end; sizes are in bytes."""

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

    @property
    def complete(self) -> bool:
        """Whether no file was odd, every object has its end, each end its event, and the queue nothing more to say."""
        missing = self.events.missing if self.events else 0
        return not (self.odd_files or self.left or self.messages_left or missing)


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
    )


def outcome(end: End[Photo]) -> str:
    """How an object ended, for people."""
    return DEAD_LETTER if end.has_failed else end.name


def why(end: End[Photo]) -> Failure:
    """Why an object has no variants."""
    key, record = end.version.key, end.record
    if record is None:
        return Failure(key, "NoRecord", "the images table has no record of it; see the consumer's log")
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
    if len(ends) > MOST_ROWS:
        console.print(f"and {len(ends) - MOST_ROWS} more: they are all in {totals.contact_sheet}", style="dim")
    for title, failures in (("Dead letters", totals.dead_letters), ("Left", totals.left)):
        if failures:
            console.print(_failure_table(title, failures))
    for each in totals.odd_files:
        console.print(Text(f"passed over: {each.path} {each.why}", "yellow"), soft_wrap=True)
    console.print(_totals(totals))
    if totals.events and totals.events.example:
        console.print("One of the events:", style="bold")
        console.print(Text(compact(totals.events.example)), soft_wrap=True)


def _images(ends: Sequence[End[Photo]]) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("image", overflow="fold", min_width=16)
    table.add_column("outcome", no_wrap=True)
    for title in ("format", "pixels", "bytes in", "variants", "bytes out", "ms"):
        table.add_column(title, justify="left" if title == "format" else "right", no_wrap=True)
    for end in ends[:MOST_ROWS]:
        table.add_row(*_row(end))
    return table


def _row(end: End[Photo]) -> Iterator[Text]:
    image = end.record.image if end.phase is Phase.DONE and end.record else None
    yield Text(end.subject.name)
    yield Text(outcome(end), style=COLOURS.get(outcome(end), ""))
    yield Text(f"{image.image_format} {image.mode}" if image else "")
    yield Text(pixels(image.width, image.height) if image else "")
    yield Text(decimal(end.subject.size))
    yield Text(str(len(image.variants)) if image else "")
    yield Text(decimal(sum(variant.bytes for variant in image.variants)) if image else "")
    yield Text(str(sum(image.timings.values())) if image else "")


def _failure_table(title: str, failures: Sequence[Failure]) -> Table:
    table = Table("object", "cause", "why", box=box.SIMPLE_HEAD)
    table.title, table.title_justify = f"{title}: {len(failures)}", "left"
    for failure in failures:
        table.add_row(Text(failure.key), Text(failure.cause, style="red"), Text(failure.message))
    return table


def _totals(totals: RunTotals) -> Table:
    table = Table(box=None, show_header=False)
    table.add_column(style="bold")
    for name, value in _lines(totals):
        table.add_row(name, Text(value))
    return table


def _lines(totals: RunTotals) -> Iterator[tuple[str, str]]:
    dead, left = len(totals.dead_letters), len(totals.left)
    yield "images", f"{totals.images}: {totals.done} done, {dead} in the dead-letter queue, {left} left"
    if totals.skipped_files:
        yield "skipped", f"{totals.skipped_files}, ignored, or not images by name or by content"
    yield "variants", str(totals.variants)
    yield "bytes", f"{decimal(totals.bytes_in)} in, {decimal(totals.bytes_out)} out"
    yield "speed", f"{totals.images_per_second} images a second, {totals.seconds:.1f} s"
    yield "duplicates", str(totals.duplicates)
    if again := totals.again:
        kept = f"{again.variants_unchanged} variants unchanged, {again.variants_written} written"
        yield "uploaded again", f"{again.images} images, the same bytes: {again.duplicates} duplicates, {kept}"
    if events := totals.events:
        types = ", ".join(f"{number} {name}" for name, number in events.types.items())
        missing = f"; {events.missing} did not come" if events.missing else ""
        yield "events", f"{events.count} on the bus {events.bus}" + (f": {types}" if types else "") + missing
    if totals.messages_left:
        yield "queue", "still has messages; nothing is lost, but this run stopped waiting for them"
    yield "contact sheet", totals.contact_sheet
