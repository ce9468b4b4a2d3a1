"""The contact sheet: one HTML page with every original beside its variants, and every failure with its cause."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from rich.filesize import decimal

from ops.images import Record
from ops.start.ends import End, Outcome
from ops.start.report import Totals, why

FILE = "index.html"


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture on a card. ``link`` is relative to the page; browsers cannot show every format."""

    title: str
    link: str
    shown: bool
    pixels: str
    bytes: str


@dataclass(frozen=True, slots=True)
class Stage:
    """How long one stage took, also as a share of the whole."""

    name: str
    milliseconds: int
    percent: float


@dataclass(frozen=True, slots=True)
class Card:
    """One image. ``cause`` and ``why`` are empty when it is done."""

    name: str
    outcome: str
    about: str
    original: Picture
    variants: tuple[Picture, ...]
    stages: tuple[Stage, ...]
    cause: str = ""
    why: str = ""

    @property
    def milliseconds(self) -> int:
        """All stages together."""
        return sum(stage.milliseconds for stage in self.stages)


def write(folder: Path, ends: Sequence[End], totals: Totals) -> Path:
    """Write the page for a run whose variants were saved in ``folder``."""
    environment = Environment(loader=PackageLoader("ops.start"), autoescape=True, undefined=StrictUndefined)
    environment.trim_blocks = environment.lstrip_blocks = True
    environment.filters["size"] = decimal
    cards = [card(end, folder) for end in ends]
    page = folder / FILE
    page.write_text(
        environment.get_template("sheet.html").render(
            totals=totals,
            failures=[each for each in cards if each.cause],
            images=[each for each in cards if not each.cause],
        ),
        encoding="utf-8",
    )
    return page


def card(end: End, folder: Path) -> Card:
    """What the page says of one image."""
    photo, record = end.upload.photo, end.record
    done = record if end.outcome is Outcome.DONE else None
    failure = why(end) if end.outcome in (Outcome.DEAD_LETTER, Outcome.LEFT) else None
    original = Picture(
        title="original",
        link=_link(os.path.relpath(photo.path, folder)),
        shown=photo.shown_by_browsers,
        pixels=done.pixels if done else "",
        bytes=decimal(end.upload.size),
    )
    return Card(
        name=photo.name,
        outcome=end.outcome,
        about=_about(done) if done else "",
        original=original,
        variants=tuple(_variants(done)) if done else (),
        stages=tuple(_stages(done)) if done else (),
        cause=failure.cause if failure else "",
        why=failure.message if failure else "",
    )


def _about(record: Record) -> str:
    lost = f", lost: {', '.join(record.lost)}" if record.lost else ""
    return f"{record.image_format} {record.mode}{lost}"


def _variants(record: Record) -> Iterator[Picture]:
    for variant in record.variants:
        size = decimal(variant.bytes)
        yield Picture(variant.name, _link(variant.key), shown=True, pixels=variant.pixels, bytes=size)


def _stages(record: Record) -> Iterator[Stage]:
    whole = sum(record.timings.values()) or 1
    for name, milliseconds in record.timings.items():
        yield Stage(name, milliseconds, round(100 * milliseconds / whole, 2))


def _link(path: str) -> str:
    return quote(Path(path).as_posix())
