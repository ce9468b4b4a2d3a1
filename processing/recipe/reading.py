"""recipe.toml, from text to a `Recipe`: all faults are reported together, each by its path in the file."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, get_args

from processing.errors import Misconfigured
from processing.recipe.ladders import variants_of
from processing.recipe.lettering import unsettable
from processing.recipe.model import (
    DEFAULT_BYTES,
    DEFAULT_CACHE,
    DEFAULT_FRAMES,
    DEFAULT_PIXELS,
    IGNORED_BY_DEFAULT,
    LONGEST_SIDE,
    WHITE,
    Fit,
    Format,
    Hdr,
    Limits,
    Metadata,
    Place,
    Recipe,
    VariantSpec,
    Watermark,
    ignored_names,
)
from processing.recipe.table import Table

ROOT: Final = Path(__file__).resolve().parents[2]  # the folder of recipe.toml, in the package as in the project
LOGOS: Final = "logos"  # the folder beside recipe.toml that is packaged with it
DIRECTIVE: Final = (
    r"(?:public|private|no-cache|no-store|no-transform|must-revalidate|proxy-revalidate|immutable"
    r"|(?:max-age|s-maxage|stale-while-revalidate|stale-if-error)=[0-9]{1,9})"
)
PNG_BEGINS: Final = b"\x89PNG\r\n\x1a\n"


def load(text: str, *, folder: Path = ROOT) -> Recipe:
    """Read a recipe.

    Args:
        text: the content of recipe.toml.
        folder: where the logos it names are.

    Raises:
        Misconfigured: with one sentence for each fault, such as ``variants.phone.quality: 300 is not in 1..100``.
    """
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Misconfigured([f"not a TOML file: {error}"]) from error
    faults: list[str] = []
    top = Table((), tables, faults)
    marks = {table.name: _watermark(table, folder) for table in top.tables("watermarks")}
    variants = _variants(top, marks)
    limits = _limits(top.table("limits"))
    ignored = _ignored(top)
    top.refuse_the_rest()
    if not variants and not top.table("ladders").given:
        faults.append("variants: there are none; add a table such as [variants.phone] or [ladders.photo]")
    if faults:
        raise Misconfigured(faults)
    return Recipe(variants, limits, ignored)


def _variants(top: Table, marks: Mapping[str, Watermark]) -> tuple[VariantSpec, ...]:
    """Those with a table of their own, then those of the ladders."""
    variants = [_variant(table, marks) for table in top.tables("variants")]
    names = {spec.name for spec in variants}
    for ladder in top.tables("ladders"):
        rungs = variants_of(ladder, lambda table: _variant(table, marks))
        for taken in sorted(names & {ladder.name, *(spec.name for spec in rungs)}):
            ladder.fault("", f"there is a variant of the name {taken} as well: rename one of the two")
        names |= {ladder.name, *(spec.name for spec in rungs)}
        variants += rungs
    return tuple(variants)


def _variant(table: Table, marks: Mapping[str, Watermark]) -> VariantSpec:
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", table.name):
        table.fault("", f"{table.name!r} is not lower-case letters, digits, - and _; it becomes a part of keys")
    spec = VariantSpec(
        name=table.name,
        width=table.whole("width", 1, LONGEST_SIDE),
        height=table.whole("height", 1, LONGEST_SIDE),
        fit=table.choice("fit", get_args(Fit), "inside"),
        gravity=table.choice("gravity", get_args(Place), "center"),
        background=table.color("background") or WHITE,
        format=table.choice("format", get_args(Format), "keep"),
        quality=table.whole("quality", 1, 100),
        effort=table.whole("effort", 0, 9),
        progressive=table.switch("progressive"),
        metadata=table.choice("metadata", get_args(Metadata), "strip"),
        hdr=table.choice("hdr", get_args(Hdr), "keep"),
        cache=_cache(table),
        watermark=table.reference("watermark", marks, "watermarks"),
    )
    for name, sentence in _contradictions(spec, table.given):
        table.fault(name, sentence)
    table.refuse_the_rest()
    return spec


def _cache(table: Table) -> str:
    """A Cache-Control of the directives that a response has: https://www.rfc-editor.org/rfc/rfc9111#section-5.2.2"""
    text = table.text("cache")
    if text is not None and not re.fullmatch(rf"{DIRECTIVE}(, {DIRECTIVE})*", text):
        table.fault("cache", f"{text!r} is no Cache-Control such as {DEFAULT_CACHE!r}")
    return text or DEFAULT_CACHE


def _contradictions(spec: VariantSpec, given: frozenset[str]) -> Iterator[tuple[str, str]]:
    """Settings that would have no effect, or cannot be met together."""
    if not given & {"width", "height"}:
        yield "width", "give a width, a height or both"
    elif spec.fit != "inside" and not given >= {"width", "height"}:
        yield "fit", f"{spec.fit!r} needs both width and height"
    if "gravity" in given and spec.fit != "cover":
        yield "gravity", 'has an effect only with fit = "cover"'
    if "quality" in given and spec.format == "png":
        yield "quality", "PNG has none; effort trades CPU for size"
    if "effort" in given and spec.format == "jpeg":
        yield "effort", "JPEG has none; progressive trades CPU for size"
    for name in ("progressive", "hdr"):
        if name in given and spec.format not in ("jpeg", "keep"):
            yield name, f"is for JPEG, and the format is {spec.format!r}"
    if spec.format == "jpeg" and not spec.background.opaque:
        yield "background", "JPEG has no transparency; give #rrggbb"


def _watermark(table: Table, folder: Path) -> Watermark:
    text, name = table.text("text"), table.text("logo")
    if (text is None) == (name is None):
        table.fault("", "give a text or a logo, and not both")
    if name is not None and table.given & {"color", "outline"}:
        table.fault("logo", "color and outline are for a text")
    if wrong := unsettable(text or ""):
        table.fault("text", f"the included font cannot set {', '.join(wrong)}; use a logo instead")
    mark = Watermark(
        text=text,
        logo=None if name is None else _logo(table, name, folder),
        color=table.color("color") or WHITE,
        outline=table.color("outline"),
        position=table.choice("position", (*get_args(Place), "tile"), "bottom-right"),
        scale=table.number("scale", 0.01, 1, 0.2),
        opacity=table.number("opacity", 0, 1, 0.6),
        margin=table.number("margin", 0, 0.5, 0.02),
    )
    table.refuse_the_rest()
    return mark


def _logo(table: Table, name: str, folder: Path) -> bytes | None:
    path = (folder / name.replace("\0", "?")).resolve()
    if not path.is_relative_to((folder / LOGOS).resolve()):
        table.fault("logo", f"{name!r} is not in {LOGOS}/, the folder that is packaged with the recipe")
        return None
    try:
        content = path.read_bytes()
    except OSError as error:
        table.fault("logo", f"{name!r} cannot be read: {error.strerror}")
        return None
    if not content.startswith(PNG_BEGINS) or content[12:16] != b"IHDR" or b"IEND" not in content[-12:]:
        table.fault("logo", f"{name!r} is not a whole PNG file")
    return content


def _ignored(table: Table) -> re.Pattern[str]:
    patterns = table.texts("ignore")
    if patterns is None:
        return IGNORED_BY_DEFAULT
    for pattern in patterns:
        if "/" in pattern:
            table.fault("ignore", f"{pattern!r} has a slash; a pattern is for one name, of a file or of a folder")
        elif not pattern.strip("*"):
            table.fault("ignore", f"{pattern!r} matches every image")
    return ignored_names(patterns)


def _limits(table: Table) -> Limits:
    pixels = table.table("pixels")
    limits = Limits(
        max_bytes=table.whole("bytes", 1, 5_000_000_000) or DEFAULT_BYTES,
        max_frames=table.whole("frames", 1, 1_000_000) or DEFAULT_FRAMES,
        max_pixels={name: pixels.whole(name, 1, 2**31) or default for name, default in DEFAULT_PIXELS.items()},
    )
    pixels.refuse_the_rest()
    table.refuse_the_rest()
    return limits
