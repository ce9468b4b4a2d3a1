"""Ladders of recipe.toml: one table for several widths in several formats, expanded into the tables of its variants.

::

    [ladders.photo]                              [variants.photo-480-avif]
    widths = [480, 960]                          width = 480
    formats = ["avif", "jpeg"]              ->   format = "avif"          ... and photo-480-jpeg,
    quality = {avif = 55, jpeg = 82}             quality = 55                 photo-960-avif, photo-960-jpeg
    watermark = "mark"                           watermark = "mark"

From there on they are variants like all others: in keys, fingerprints, records and audits.
"""

from collections.abc import Callable, Iterator, Mapping
from itertools import product
from typing import Any, Final, get_args

from processing.recipe.model import LONGEST_SIDE, Format, VariantSpec
from processing.recipe.table import Table

OF_FORMATS: Final[Mapping[str, tuple[str, ...]]] = {
    "quality": ("jpeg", "webp", "avif"),
    "effort": ("png", "webp", "avif"),
    "progressive": ("jpeg",),
    "hdr": ("jpeg",),
}
"""The settings that some formats lack. In a ladder they are for those of its formats that have them."""

OF_A_BOX: Final = ("width", "height", "fit", "gravity", "format")


def variants_of(ladder: Table, read: Callable[[Table], VariantSpec]) -> list[VariantSpec]:
    """The variants of a ladder, by width and then by format; none of a ladder whose widths or formats are invalid.

    Args:
        read: reads the table of a variant. A fault that several of them have is reported once, for the ladder.
    """
    widths = ladder.distinct("widths", _is_width, f"in 1..{LONGEST_SIDE}")
    formats = ladder.distinct("formats", get_args(Format).__contains__, f"one of {', '.join(get_args(Format))}")
    if "keep" in formats and len(formats) > 1:
        ladder.fault("formats", '"keep" may be the format of another one: give it alone')
    for name in sorted(ladder.given & set(OF_A_BOX)):
        ladder.fault(name, "is no setting of a ladder, whose pictures are whole: make variants of what is cropped")
    settings = {name: ladder.value(name) for name in sorted(ladder.given - {"widths", "formats", *OF_A_BOX})}
    settings["quality"] = _by_format(ladder, settings.get("quality"), formats)
    faults: dict[str, None] = {}
    variants = []
    for width, output in product(widths, formats):
        rung = f"{ladder.name}-{width}-{output}"
        own: list[str] = []
        values = dict(_settings(settings, output, formats)) | {"width": width, "format": output}
        variants.append(read(Table(("ladders", rung), values, own)))
        faults |= dict.fromkeys(fault.replace(rung, ladder.name, 1) for fault in own)
    ladder.report(faults)
    return variants


def _is_width(value: object) -> bool:
    return type(value) is int and 1 <= value <= LONGEST_SIDE


def _settings(settings: Mapping[str, Any], output: str, formats: list[str]) -> Iterator[tuple[str, Any]]:
    """Those for one format. One that no format of the ladder has is left in, and refused like a variant's."""
    for name, value in settings.items():
        having = ("keep", *OF_FORMATS[name]) if name in OF_FORMATS else (output,)
        given = value.get(output) if name == "quality" else value
        if given is not None and (output in having or not set(having) & set(formats)):
            yield name, given


def _by_format(ladder: Table, quality: Any, formats: list[str]) -> dict[str, Any]:
    """The quality for each format: one number for all of them, or a table."""
    if not isinstance(quality, dict):
        return dict.fromkeys(formats, quality)
    for name in sorted(quality.keys() - set(formats)):
        ladder.fault(f"quality.{name}", f"is no format of this ladder: {', '.join(formats)}")
    if "png" in quality:
        ladder.fault("quality.png", "PNG has none; effort trades CPU for size")
    return quality
