"""An estimate as tables and sentences, and as a document."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from ops.cli.costs.bill import BillLine
from ops.cli.estimate.formula import formula
from ops.cli.estimate.reckoning import Estimate, on_processor
from ops.cli.prices import GB_SECOND
from ops.cli.switches.table import SWITCHES
from ops.cli.tables import paragraph, table
from ops.cli.terminal import stdout

ONCE = ("service", "what", "units", "$ each", "$")
MONTHLY = (*ONCE[:-1], "$ a month")


def print_tables(estimate: Estimate) -> None:
    """What the images cost once, what the stage costs each month, and how the figures came about."""
    out = stdout()
    out.print(f"Paid once, for {estimate.bill.images:,} images of {estimate.photos.megapixels:g} megapixels:")
    out.print(table(ONCE, once(estimate), right=ONCE[2:], prose=("what",), drop=("$ each",)))
    out.print()
    out.print("Per month, while they are kept:")
    out.print(table(MONTHLY, monthly(estimate), right=MONTHLY[2:], prose=("what",), drop=("$ each",)))
    out.print()
    for sentence in (_hours(estimate), *formula(estimate), *of_switches(estimate)):
        out.print(paragraph(sentence))


def once(estimate: Estimate) -> Iterator[Sequence[str]]:
    """The rows of what is paid once: the images', then those of each switch, each with its sum."""
    yield from map(_row, (line for line in estimate.bill.lines if line.units))
    if estimate.switches:
        yield _sum("sum: images", estimate.bill.dollars)
    for switch in estimate.switches:
        yield from map(_row, switch.lines)
        yield _sum(f"sum: {switch.name}", switch.dollars)
    yield _sum("in all", estimate.dollars)


def monthly(estimate: Estimate) -> Iterator[Sequence[str]]:
    """The rows of what is paid each month, once the images are there."""
    lines = [each.line for each in estimate.month]
    yield from map(_row, (line for line in lines if line.units))
    yield _sum("each month", sum(line.dollars for line in lines))


def of_switches(estimate: Estimate) -> Iterator[str]:
    """A sentence for each switch that has more than its lines say, and one for those that are off."""
    millions = {each.switch: f"{each.dollars:,.2f} dollars for a million {each.of}" for each in estimate.millions}
    for switch in estimate.on:
        if said := "; ".join(filter(None, (millions.get(switch.name), switch.note))):
            yield f"{switch.name}: {said}"
    if off := [switch.name for switch in SWITCHES if switch not in estimate.on]:
        yield f"Off, and not in the sums: {', '.join(off)}. To add one: --with {off[0]}"


def document(estimate: Estimate) -> dict[str, Any]:
    """The same for programs."""
    bill, function = estimate.bill, estimate.function
    return {
        "images": bill.images,
        "megapixels": round(estimate.photos.megapixels, 3),
        "memory": function.memory,
        "architecture": function.architecture,
        "concurrency": function.concurrency,
        "batch": function.batch,
        "on": [switch.name for switch in estimate.on],
        "dollars": round(estimate.dollars, 2),
        "dollars_by_service": {name: round(dollars, 2) for name, dollars in estimate.by_service().items()},
        "dollars_by_switch": {switch.name: round(switch.dollars, 2) for switch in estimate.switches},
        "dollars_a_month": round(sum(each.line.dollars for each in estimate.month), 2),
        "month": [_line(each.line) | {"switch": each.switch or None} for each in estimate.month],
        "millions": {each.switch: {"of": each.of, "dollars": round(each.dollars, 2)} for each in estimate.millions},
        "hours": round(bill.hours, 2),
        "seconds_per_image": round(bill.seconds, 4),
        "image_seconds": {name: round(seconds, 4) for name, seconds in asdict(estimate.image).items()},
        "batch_seconds": round(bill.seconds * function.batch, 3),
        "s3_latency": function.latency.s3,
        "limits": asdict(bill.work.limits),
        "lambda_dollars_by_architecture": _by_architecture(estimate),
        "gb_seconds": round(bill.lines[0].units),
        "requests": bill.requests(),
        "switches": {switch.name: [_line(line) for line in switch.lines] for switch in estimate.switches},
        "formula": formula(estimate),
        "item_bytes": estimate.usage.item_bytes,
        "longest_key_of_one_unit": estimate.sizes.longest_key,
        "event_bytes": estimate.usage.event_bytes,
    }


def _by_architecture(estimate: Estimate) -> dict[str, float]:
    """Dollars of GB-seconds: a price for a second, times the seconds that a processor takes."""
    return {name: round(on_processor(estimate, name).bill.lines[0].dollars, 2) for name in GB_SECOND}


def _hours(estimate: Estimate) -> str:
    rate = estimate.bill.images / (estimate.bill.hours * 3600)
    return (
        f"{estimate.bill.hours:,.1f} hours with {estimate.function.concurrency} at once: {rate:,.0f} images a second."
    )


def _line(line: BillLine) -> dict[str, Any]:
    return {
        "service": line.service,
        "what": line.what,
        "units": round(line.units, 2),
        "price": line.price,
        "dollars": round(line.dollars, 2),
    }


def _row(line: BillLine) -> Sequence[str]:
    units = f"{line.units:,.0f}" if line.units >= 10 else f"{line.units:,.2f}"
    return line.service, line.what, units, f"{line.price:.10f}".rstrip("0"), f"{line.dollars:,.2f}"


def _sum(what: str, dollars: float) -> Sequence[str]:
    return "", what, "", "", f"{dollars:,.2f}"
