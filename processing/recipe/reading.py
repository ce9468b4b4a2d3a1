"""recipe.toml, from text to a `Recipe`: all faults are reported together, each by its path in the file."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, get_args

from processing.errors import Misconfigured
from processing.recipe.lettering import unsettable
from processing.recipe.model import (
    DEFAULT_BYTES,
    DEFAULT_FRAMES,
    DEFAULT_PIXELS,
    LONGEST_SIDE,
    WHITE,
    Colour,
    Fit,
    Format,
    Hdr,
    Limits,
    Metadata,
    Place,
    Recipe,
    VariantSpec,
    Watermark,
)

ROOT: Final = Path(__file__).resolve().parents[2]  # the folder of recipe.toml, in the package as in the project
LOGOS: Final = "logos"  # the folder beside recipe.toml that is packaged with it
PNG_BEGINS: Final = b"\x89PNG\r\n\x1a\n"


class Table:
    """One table of a TOML file: reads typed values, and appends faults to the list that all tables of the file share.

    An invalid value reads as one that was not given.
    """

    def __init__(self, path: tuple[str, ...], values: Any, faults: list[str]) -> None:
        self._path = path
        self._faults = faults
        self._known: set[str] = set()
        self._values: dict[str, Any] = values if isinstance(values, dict) else {}
        if not isinstance(values, dict):
            self.fault("", f"{values!r} is not a table")

    @property
    def name(self) -> str:
        return self._path[-1]

    @property
    def given(self) -> frozenset[str]:
        return frozenset(self._values)

    def fault(self, name: str, sentence: str) -> None:
        self._faults.append(f"{'.'.join(self._at(name))}: {sentence}")

    def table(self, name: str) -> "Table":
        self._known.add(name)
        return Table(self._at(name), self._values.get(name, {}), self._faults)

    def tables(self, name: str) -> list["Table"]:
        table = self.table(name)
        return [table.table(each) for each in table._values]

    def refuse_the_rest(self) -> None:
        for name in sorted(self._values.keys() - self._known):
            near = get_close_matches(name, self._known, n=1)
            self.fault(name, "is no setting" + (f"; did you mean {near[0]}?" if near else ""))

    def text(self, name: str) -> str | None:
        value = self._get(name)
        if value is None or (isinstance(value, str) and value.strip()):
            return value
        self.fault(name, f"{value!r} is not a text")
        return None

    def whole(self, name: str, low: int, high: int) -> int | None:
        value = self._get(name)
        if value is None or (type(value) is int and low <= value <= high):
            return value
        self.fault(name, f"{value!r} is not in {low}..{high}")
        return None

    def number(self, name: str, low: float, high: float, default: float) -> float:
        value = self._get(name)
        if value is None:
            return default
        if type(value) in (int, float) and low <= value <= high:
            return float(value)
        self.fault(name, f"{value!r} is not in {low:g}..{high:g}")
        return default

    def switch(self, name: str) -> bool:
        value = self._get(name)
        if value is not None and not isinstance(value, bool):
            self.fault(name, f"{value!r} is not true or false")
        return value is True

    def choice(self, name: str, choices: tuple[str, ...], default: Any) -> Any:
        value = self._get(name)
        if value is None or value in choices:
            return value or default
        self.fault(name, f"{value!r} is not one of {', '.join(choices)}")
        return default

    def colour(self, name: str) -> Colour | None:
        value = self._get(name)
        if value is None:
            return None
        if value == "transparent":
            return Colour(0, 0, 0, 0)
        with suppress(ValueError, TypeError):
            if re.fullmatch("#([0-9a-fA-F]{6}|[0-9a-fA-F]{8})", value):
                return Colour(*bytes.fromhex(value[1:]))
        self.fault(name, f'{value!r} is not a colour such as "#1e90ff", "#1e90ff80" or "transparent"')
        return None

    def reference(self, name: str, known: Mapping[str, Watermark], where: str) -> Watermark | None:
        value = self.text(name)
        if value is None or value in known:
            return known.get(value or "")
        self.fault(name, f"there is no [{where}.{value}]")
        return None

    def _get(self, name: str) -> Any:
        self._known.add(name)
        return self._values.get(name)

    def _at(self, name: str) -> tuple[str, ...]:
        return (*self._path, name) if name else self._path


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
    variants = tuple(_variant(table, marks) for table in top.tables("variants"))
    limits = _limits(top.table("limits"))
    top.refuse_the_rest()
    if not variants:
        faults.append("variants: there are none; add a table such as [variants.phone]")
    if faults:
        raise Misconfigured(faults)
    return Recipe(variants, limits)


def _variant(table: Table, marks: Mapping[str, Watermark]) -> VariantSpec:
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", table.name):
        table.fault("", f"{table.name!r} is not lower-case letters, digits, - and _; it becomes a part of keys")
    spec = VariantSpec(
        name=table.name,
        width=table.whole("width", 1, LONGEST_SIDE),
        height=table.whole("height", 1, LONGEST_SIDE),
        fit=table.choice("fit", get_args(Fit), "inside"),
        gravity=table.choice("gravity", get_args(Place), "center"),
        background=table.colour("background") or WHITE,
        format=table.choice("format", get_args(Format), "keep"),
        quality=table.whole("quality", 1, 100),
        effort=table.whole("effort", 0, 9),
        progressive=table.switch("progressive"),
        metadata=table.choice("metadata", get_args(Metadata), "strip"),
        hdr=table.choice("hdr", get_args(Hdr), "keep"),
        watermark=table.reference("watermark", marks, "watermarks"),
    )
    for name, sentence in _contradictions(spec, table.given):
        table.fault(name, sentence)
    table.refuse_the_rest()
    return spec


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
    if name is not None and table.given & {"colour", "outline"}:
        table.fault("logo", "colour and outline are for a text")
    if wrong := unsettable(text or ""):
        table.fault("text", f"the included font cannot set {', '.join(wrong)}; use a logo instead")
    mark = Watermark(
        text=text,
        logo=None if name is None else _logo(table, name, folder),
        colour=table.colour("colour") or WHITE,
        outline=table.colour("outline"),
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
    if not content.startswith(PNG_BEGINS) or b"IEND" not in content[-12:]:
        table.fault("logo", f"{name!r} is not a whole PNG file")
    return content


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
