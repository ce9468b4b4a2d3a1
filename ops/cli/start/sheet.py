"""The contact sheet: one HTML page with every original beside its variants, and every failure with its cause."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from rich.filesize import decimal

from ops.cli.follow import End
from ops.cli.start.photos import Photo
from ops.cli.start.report import RunTotals, outcome, pixels, why
from processing.ledger import ImageRecord, Phase

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
class StageTiming:
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
    stages: tuple[StageTiming, ...]
    cause: str = ""
    why: str = ""

    @property
    def milliseconds(self) -> int:
        """All stages together."""
        return sum(stage.milliseconds for stage in self.stages)


def page(folder: Path, ends: Sequence[End[Photo]], totals: RunTotals) -> str:
    """The page for a run whose variants were saved in ``folder``."""
    environment = Environment(loader=PackageLoader("ops.cli.start"), autoescape=True, undefined=StrictUndefined)
    environment.trim_blocks = environment.lstrip_blocks = True
    environment.filters["size"] = decimal
    cards = [card(end, folder) for end in ends]
    return environment.get_template("sheet.html").render(
        totals=totals,
        failures=[each for each in cards if each.cause],
        images=[each for each in cards if not each.cause],
    )


def card(end: End[Photo], folder: Path) -> Card:
    """What the page says of one image."""
    photo = end.subject
    image = end.record.image if end.phase is Phase.DONE and end.record else None
    failure = None if end.is_good else why(end)
    original = Picture(
        title="original",
        link=_link(os.path.relpath(photo.path, folder)),
        shown=photo.shown_by_browsers,
        pixels=pixels(image.width, image.height) if image else "",
        bytes=decimal(photo.size),
    )
    return Card(
        name=photo.name,
        outcome=outcome(end),
        about=_about(image) if image else "",
        original=original,
        variants=tuple(_variants(image)) if image else (),
        stages=tuple(_stages(image)) if image else (),
        cause=failure.cause if failure else "",
        why=failure.message if failure else "",
    )


def _about(image: ImageRecord) -> str:
    lost = f", lost: {', '.join(image.lost)}" if image.lost else ""
    return f"{image.image_format} {image.mode}{lost}"


def _variants(image: ImageRecord) -> Iterator[Picture]:
    for variant in image.variants:
        size, box = decimal(variant.bytes), pixels(variant.width, variant.height)
        yield Picture(variant.name, _link(variant.key), shown=True, pixels=box, bytes=size)


def _stages(image: ImageRecord) -> Iterator[StageTiming]:
    whole = sum(image.timings.values()) or 1
    for name, milliseconds in image.timings.items():
        yield StageTiming(name, milliseconds, round(100 * milliseconds / whole, 2))


def _link(path: str) -> str:
    return quote(Path(path).as_posix())
