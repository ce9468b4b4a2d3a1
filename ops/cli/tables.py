"""How commands lay out tables, lists of facts and paragraphs, by the width of the terminal; nothing wraps without one.

A row is one line for programs (a pipe, a file) and where the terminal is wide enough. In a narrower one, in this order:
columns that matter least are left out, and named below the table; prose is wrapped between words, in its column or,
where that has no room, below its row; and what has to stay whole (keys, ids) goes to a line of its own. Nothing is
ever cut: a word that is longer than the terminal is left to it, which copies and searches it as one.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from ops.cli.terminal import stderr, visible
from ops.cli.wrapping import is_terminal, len_of, padded, split, wrapped

GAP: Final = 2  # spaces between two columns
INDENT: Final = 2  # spaces before what goes below its row
LEAST_PROSE: Final = 16  # characters a line, in a column
LEAST_WHOLE: Final = 16  # characters of a first column; a longer key is alone in its line
GOOD_FIRST: Final = 32  # characters of a first column, for which others are left out
Cell = Text | str


class Whole(str):
    """A value that is not wrapped, such as a key."""

    __slots__ = ()


@dataclass(frozen=True)
class Grid:
    """Rows under a header, and nothing without rows; see `table`."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Text]]
    right: frozenset[str] = frozenset()
    whole: frozenset[str] = frozenset()
    prose: frozenset[str] = frozenset()
    drop: Sequence[str] = ()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if not self.rows:
            return
        if not is_terminal(console):
            yield from self._lines(_Layout({at: self.natural(at) for at in range(len(self.columns))}), console)
            return
        layout = _Layout.fitting(self, options.max_width)
        yield from self._lines(layout, console)
        if left_out := [
            self.columns[at] for at in range(len(self.columns)) if at not in (*layout.inline, *layout.below)
        ]:
            yield Text(f"not shown at this width: {', '.join(left_out)}", style="dim")

    def natural(self, at: int) -> int:
        """The width of a column's longest line, its header among them."""
        return max(
            len_of(line) for cell in (Text(self.columns[at]), *(row[at] for row in self.rows)) for line in split(cell)
        )

    def _lines(self, layout: "_Layout", console: Console) -> Iterator[Text]:
        header = [Text(name, style="bold") for name in self.columns]
        yield from self._row(header, layout, console)
        for row in self.rows:
            yield from self._row(row, layout, console)

    def _row(self, row: Sequence[Text], layout: "_Layout", console: Console) -> Iterator[Text]:
        cells = {at: self._cell(row[at], at, width, console) for at, width in layout.inline.items()}
        for at, (first, *_) in cells.items():
            if len_of(first) > layout.inline[at] and self.columns[at] in self.whole:
                yield first  # a key without room in its column: alone, before the others
                cells[at] = [Text()]
        for number in range(max(map(len, cells.values()), default=0)):
            parts = [
                padded(
                    cell[number] if number < len(cell) else Text(),
                    layout.inline[at],
                    right=self.columns[at] in self.right,
                )
                for at, cell in cells.items()
            ]
            line = Text(" " * GAP).join(parts)
            line.rstrip()
            if line.plain:
                yield line
        for at in layout.below:
            for line in wrapped(row[at], layout.width - INDENT, console) if self._is_prose(at) else split(row[at]):
                if line.plain:
                    yield Text(" " * INDENT) + line

    def _cell(self, cell: Text, at: int, width: int, console: Console) -> list[Text]:
        if not is_terminal(console):
            return [Text(" ").join(split(cell))]
        return wrapped(cell, width, console) if self._is_prose(at) else split(cell)

    def _is_prose(self, at: int) -> bool:
        return self.columns[at] in self.prose


@dataclass(frozen=True)
class _Layout:
    """The columns of a row's line with their widths, and those that go below it, by number; see the module."""

    inline: dict[int, int]
    below: Sequence[int] = ()
    width: int = 0

    @property
    def length(self) -> int:
        """Of a line."""
        return sum(self.inline.values()) + GAP * max(0, len(self.inline) - 1)

    def room(self) -> int:
        """What is left of the line for one more column."""
        return self.width - self.length - GAP * bool(self.inline)

    @classmethod
    def fitting(cls, table: Grid, width: int) -> "_Layout":
        """The one with the most columns that has room for all in a row's line; else with what fits below it."""
        shown = {at: table.natural(at) for at in range(len(table.columns))}
        layouts = [cls._of(table, shown, width)]
        for name in table.drop:
            del shown[table.columns.index(name)]
            layouts.append(cls._of(table, shown, width))
        fitting = [layout for layout in layouts if layout.length <= width] or layouts[-1:]
        first = min(table.natural(0), GOOD_FIRST)
        in_line = [layout for layout in fitting if not layout.below]
        good = [layout for layout in in_line if layout.inline[0] >= first]
        return (good or in_line[-1:] or fitting)[0]

    @classmethod
    def _of(cls, table: Grid, natural: dict[int, int], width: int) -> "_Layout":
        """Of these columns: what cannot be wrapped gets its width, then what stays whole, then prose.

        Below a row the key comes first: once it is there, prose is below it.
        """
        if (whole_line := cls(dict(natural), (), width)).length <= width:
            return whole_line
        kinds = [table.whole, table.prose]
        names = {at: table.columns[at] for at in natural}
        layout = cls(
            {at: natural[at] for at, name in names.items() if not any(name in kind for kind in kinds)}, (), width
        )
        for kind, least in zip(kinds, (LEAST_WHOLE, LEAST_PROSE), strict=True):
            for at in (at for at, name in names.items() if name in kind):
                room = min(natural[at], layout.room())
                can_shrink = kind is table.prose or at == 0
                if not layout.below and room >= (min(natural[at], least) if can_shrink else natural[at]):
                    layout = cls(layout.inline | {at: room}, layout.below, width)
                else:
                    layout = cls(layout.inline, [*layout.below, at], width)
        return cls(dict(sorted(layout.inline.items())), sorted(layout.below), width)


@dataclass(frozen=True)
class Facts:
    """Names, each with a value; see `facts`."""

    rows: Sequence[tuple[Text, Text, bool]]
    indent: int = 0

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        names = max((len_of(name) for name, _, _ in self.rows), default=0)
        start = self.indent + names + GAP
        for name, value, is_whole in self.rows:
            room = options.max_width - start
            lines = [value] if is_whole or room < LEAST_PROSE else wrapped(value, room, console)
            first, *others = lines or [Text()]
            line = Text(" " * self.indent) + padded(name, names + GAP) + first
            line.rstrip()
            yield line
            yield from (Text(" " * start) + other for other in others)


@dataclass(frozen=True)
class Paragraph:
    """A sentence or several; see `paragraph`."""

    text: Text
    hang: int = 0
    whole: Sequence[str] = ()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width = options.max_width - self.hang
        first, *others = wrapped(self.text, width, console, whole=self.whole) or [Text()]
        yield first
        yield from (Text(" " * self.hang) + other for other in others)


def table(
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    right: Iterable[str] = (),
    whole: Iterable[str] = (),
    prose: Iterable[str] = (),
    drop: Sequence[str] = (),
) -> Grid:
    """A table without lines. Cells are shown as they are, but for what steers a terminal.

    Args:
        right: the columns that hold numbers.
        whole: those that hold keys, and get a line of their own before they are cut.
        prose: those that may be wrapped.
        drop: those that a narrow terminal can do without, the least important first.
    """
    cells = [[_text(cell) for cell in row] for row in rows]
    return Grid(columns, cells, frozenset(right), frozenset(whole), frozenset(prose), drop)


def facts(rows: Iterable[tuple[str, Cell]], *, indent: int = 0, style: str = "") -> Facts:
    """Names with their values, which are wrapped where the terminal is narrow, but for a `Whole`.

    Args:
        style: of the names.
    """
    return Facts([(Text(name, style), _text(value), isinstance(value, Whole)) for name, value in rows], indent)


def paragraph(sentence: Cell, *, hang: int = 0, whole: Iterable[str] = ()) -> Paragraph:
    """Text that is wrapped between words at the width of the terminal.

    Args:
        hang: spaces before all lines but the first.
        whole: parts of it that are not wrapped, such as keys with spaces.
    """
    return Paragraph(_text(sentence), hang, [visible(part) for part in whole])


def advise(sentence: str) -> None:
    """What to know or to do next, on standard error; a command in it stays in one piece (ops/cli/hints.py)."""
    stderr().print(paragraph(sentence))


def lines(text: str) -> Text:
    """Text that is meant to have several lines."""
    return Text("\n").join(Text(visible(line)) for line in text.split("\n"))


def _text(cell: object) -> Text:
    return cell if isinstance(cell, Text) else Text(visible(str(cell)))
