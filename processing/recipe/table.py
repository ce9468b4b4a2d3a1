"""One table of a TOML file: typed values, and the faults of all tables in one list."""

import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from difflib import get_close_matches
from typing import Any

from processing.recipe.model import Color, Watermark


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

    def report(self, faults: Iterable[str]) -> None:
        """Add faults that were found elsewhere, each with its path."""
        self._faults.extend(faults)

    def value(self, name: str) -> Any:
        """A value as it is, to be checked elsewhere."""
        return self._get(name)

    def distinct(self, name: str, is_valid: Callable[[Any], bool], valid: str) -> list[Any]:
        """A list of one value or more, each of them valid (``valid`` says when) and there once."""
        values = self._get(name)
        if isinstance(values, list) and values and all(map(is_valid, values)) and len(set(values)) == len(values):
            return values
        self.fault(name, f"{values!r} is no list of different values, each {valid}")
        return []

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

    def texts(self, name: str) -> list[str] | None:
        value = self._get(name)
        if value is None or (isinstance(value, list) and all(isinstance(each, str) and each for each in value)):
            return value
        self.fault(name, f"{value!r} is not a list of texts")
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

    def color(self, name: str) -> Color | None:
        value = self._get(name)
        if value is None:
            return None
        if value == "transparent":
            return Color(0, 0, 0, 0)
        with suppress(ValueError, TypeError):
            if re.fullmatch("#([0-9a-fA-F]{6}|[0-9a-fA-F]{8})", value):
                return Color(*bytes.fromhex(value[1:]))
        self.fault(name, f'{value!r} is not a color such as "#1e90ff", "#1e90ff80" or "transparent"')
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
