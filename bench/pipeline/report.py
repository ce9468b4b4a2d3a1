"""The tables of bench.pipeline."""

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bench import page
from bench.machine import sentence
from bench.pipeline.cost import Cost
from bench.pipeline.figures import (
    Round,
    beyond,
    billed,
    cost_of,
    cpu,
    named,
    requests,
    speed,
    speed_ratio,
    time_ratio,
)
from bench.pipeline.growth import at_counts
from bench.pipeline.measure import BATCH, BESIDE, CONSUMERS, ENGINE

TITLES = {"darkroom": "Darkroom", "usual": "usual", "naive": "naive", "threads": "ten threads", ENGINE: "engine alone"}
RIVALS = CONSUMERS[1:]
BOUND_LATENCY = "50"
MIN_SPEED = {("small", "usual"): 3.0, ("12 MP", "usual"): 1.5, ("small", "threads"): 1.15, ("12 MP", "threads"): 0.97}
"""Our images a second by a rival's, at 50 ms of latency and the batch size of the service."""
MAX_MEMORY = 0.3  # of the ten threads', where speed has a bound
MAX_BILLED = {"small": 0.72, "12 MP": 0.86}
"""Our GB-seconds, at the batch size of the service, by those of the other commit with batches of ten."""
MAX_OVERHEAD = 12.0  # CPU milliseconds an image beyond the engine's


@dataclass(frozen=True)
class Cell:
    """The rounds of one class at one latency; ``bound`` is the batch size that bounds hold for."""

    kind: str
    latency: str
    rounds: list[Round]
    batches: Sequence[int]
    bound: int

    def rows(self) -> Iterator[tuple[str, int]]:
        """Yield the label of each batch size."""
        for batch in self.batches:
            yield f"{self.kind}, {self.latency} ms, batches of {batch}", batch

    def is_bound(self, batch: int) -> bool:
        """Return whether the bounds hold here."""
        return self.latency == BOUND_LATENCY and batch == self.bound


def cells_of(results: dict[str, Any]) -> list[Cell]:
    """Return every class and latency."""
    return [
        Cell(kind, latency, rounds, results["batches"], results["deployed"])
        for kind, by_latency in results["cells"].items()
        for latency, rounds in by_latency.items()
    ]


def text(results: dict[str, Any]) -> str:
    """Return all tables."""
    cells, processor = cells_of(results), results["before"]["cpu"]
    parts = [sentence(results["before"], results["after"]), _speeds(cells, processor)]
    if results["peaks"]:
        parts.append(_peaks(results["peaks"], results["batches"], results["deployed"], processor))
    if results.get("beside"):
        parts.append(_beside(cells, results["beside"], processor))
    parts += [_cpu(cells, processor), _requests(cells), _costs(cells)]
    if results["growth"]:
        parts.append(_growth(results["growth"]))
    return "\n\n".join(parts)


def brief(kind: str, latency: int, rounds: Sequence[Round]) -> str:
    """Return one cell in one line, to show progress."""
    each = ", ".join(f"{name} {speed(rounds, name):.1f}/s {cpu(rounds, name):.0f} ms" for name in rounds[0])
    return f"{kind}, {latency} ms: {each}"


def _marked(text: object, *, short: bool) -> str:
    return f"{text} (falls short)" if short else str(text)


def _speeds(cells: Sequence[Cell], processor: str) -> str:
    head = [f"images a second, {processor}", *(TITLES[way] for way in CONSUMERS)]
    rows = []
    for cell in cells:
        for label, batch in cell.rows():
            speeds = [f"{speed(cell.rounds, named(way, batch)):.1f}" for way in CONSUMERS]
            rows.append([label, *speeds, *(_speed_to(cell, batch, rival) for rival in RIVALS)])
    return page.table([*head, *(f"to {TITLES[rival]}" for rival in RIVALS)], rows)


def _speed_to(cell: Cell, batch: int, rival: str) -> str:
    found = speed_ratio(cell.rounds, named("darkroom", batch), named(rival, batch))
    return _marked(found, short=cell.is_bound(batch) and found.value < MIN_SPEED.get((cell.kind, rival), 0))


def _peaks(peaks: dict[str, dict[str, float]], batches: Sequence[int], bound: int, processor: str) -> str:
    head = [f"peak MB, {processor}", *(TITLES[way] for way in CONSUMERS), f"to {TITLES['threads']}"]
    rows = []
    for kind, found in peaks.items():
        for batch in batches:
            ours, *others = (found[named(way, batch)] for way in CONSUMERS)
            share = ours / found[named("threads", batch)]
            short = batch == bound and (kind, "threads") in MIN_SPEED and share >= MAX_MEMORY
            figures = [f"{each:,.0f}" for each in (ours, *others)]
            rows.append([f"{kind}, batches of {batch}", *figures, _marked(f"{share:.2f}", short=short)])
    return page.table(head, rows)


def _beside(cells: Sequence[Cell], commit: str, processor: str) -> str:
    head = [f"now, and at {commit}; {processor}", "images a second", "then", "CPU ms beyond the engine", "then"]
    head += ["GB-s a million", "then", "to then", f"to then in batches of {BATCH}"]
    rows = []
    for cell in cells:
        for label, batch in cell.rows():
            now, then, tens = named("darkroom", batch), named(BESIDE, batch), named(BESIDE, BATCH)
            rows.append([label, *(f"{speed(cell.rounds, name):.1f}" for name in (now, then))])
            rows[-1] += [f"{beyond(cell.rounds, name):.1f}" for name in (now, then)]
            rows[-1] += [f"{billed(cell.rounds, name):,.0f}" for name in (now, then)]
            rows[-1] += [str(time_ratio(cell.rounds, now, then)), _billed_to(cell, batch, tens)]
    return page.table(head, rows)


def _billed_to(cell: Cell, batch: int, other: str) -> str:
    """Empty where no batches of ten were measured."""
    if other not in cell.rounds[0]:
        return ""
    found = time_ratio(cell.rounds, named("darkroom", batch), other)
    return _marked(found, short=cell.is_bound(batch) and found.value > MAX_BILLED.get(cell.kind, found.value))


def _cpu(cells: Sequence[Cell], processor: str) -> str:
    head = [f"CPU ms an image, {processor}", TITLES[ENGINE], *(f"{TITLES[way]}, beyond it" for way in CONSUMERS)]
    rows = []
    for cell in cells:
        engine = named(ENGINE, cell.batches[0])
        for label, batch in cell.rows():
            ours, *others = (beyond(cell.rounds, named(way, batch)) for way in CONSUMERS)
            rows.append([label, f"{cpu(cell.rounds, engine):.1f}", _marked(f"{ours:.1f}", short=ours > MAX_OVERHEAD)])
            rows[-1] += [f"{each:.1f}" for each in others]
    return page.table(head, rows)


def _requests(cells: Sequence[Cell]) -> str:
    runs, batch = [each for cell in cells for each in cell.rounds], cells[0].batches[-1]
    counts = {way: requests(runs, named(way, batch)) for way in CONSUMERS}
    names = sorted({name for each in counts.values() for name in each})
    rows = [
        [TITLES[way], *(f"{each.get(name, 0):g}" for name in names), f"{sum(each.values()):g}"]
        for way, each in counts.items()
    ]
    return page.table(["requests an image", *names, "in all"], rows)


def _costs(cells: Sequence[Cell]) -> str:
    head = [f"$ per million images, {BOUND_LATENCY} ms", "GB-s", *Cost.__dataclass_fields__, "in all"]
    rows = []
    for cell in (each for each in cells if each.latency == BOUND_LATENCY):
        for batch in cell.batches:
            for way in CONSUMERS:
                found = cost_of(cell.rounds, named(way, batch))
                dollars = [f"{each:.2f}" for each in (*asdict(found).values(), found.total)]
                gb_s = f"{billed(cell.rounds, named(way, batch)):,.0f}"
                rows.append([f"{cell.kind}, batches of {batch}, {TITLES[way]}", gb_s, *dollars])
    return page.table(head, rows)


def _growth(found: dict[str, list[list[float]]]) -> str:
    head = ["tiny images, 0 ms: an image around the", *(f"{TITLES[way]}: wall ms, CPU ms, MB" for way in found)]
    at = {way: at_counts(batches) for way, batches in found.items()}
    rows = []
    for count in next(iter(at.values())):
        cells = [[statistics.median(column) for column in zip(*at[way][count], strict=True)] for way in found]
        rows.append([f"{count:,}th", *(f"{wall:.1f}, {used:.1f}, {size:.0f}" for wall, used, size in cells)])
    return page.table(head, rows)
