"""An estimate as tables with their formula, and as a document."""

from collections.abc import Iterator, Sequence
from typing import Any

from ops.cli import costs
from ops.cli.costs import BillLine
from ops.cli.estimate.reckoning import Estimate
from ops.cli.prices import PRICES_OF
from ops.cli.switches.table import SWITCHES
from ops.cli.tables import paragraph, table
from ops.cli.terminal import many, stdout

ONCE = ("service", "what", "units", "$ each", "$")
MONTHLY = (*ONCE[:-1], "$ a month")


def print_tables(estimate: Estimate) -> None:
    """What the images cost once, what the stage costs each month, and how the figures came about."""
    out = stdout()
    out.print(table(ONCE, once(estimate), right=ONCE[2:], prose=("what",), drop=("$ each",)))
    out.print()
    out.print(table(MONTHLY, monthly(estimate), right=MONTHLY[2:], prose=("what",), drop=("$ each",)))
    out.print()
    rate = estimate.bill.images / (estimate.bill.hours * 3600)
    at_once = f"with {estimate.function.concurrency} at once: {rate:,.0f} images a second."
    for sentence in (f"{estimate.bill.hours:,.1f} hours {at_once}", *formula(estimate), *of_switches(estimate)):
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


def formula(estimate: Estimate) -> list[str]:
    """How the sums came about, with the numbers in it, and where each number is from."""
    function, seconds = estimate.function, estimate.bill.seconds
    return [
        f"billed seconds of a batch = {function.batch} images x {estimate.cpu / 1000:.3f} s CPU"
        f" / {function.vcpus:.2f} vCPU + {function.rounds} x {costs.WAIT} s waiting = {seconds * function.batch:.2f}",
        f"of one image = {seconds:.3f}; GB-s = images x that x {function.memory} MB / 1,024",
        f"hours = images x that / {function.concurrency} / 3,600, and at most "
        f"{costs.TABLE_WRITES_A_SECOND:,} write units a second, which a new table takes",
        "requests of n variants: a first upload 1 GET, n PUT, 1 HEAD, 2 writes; an overwrite 1 GET, 2n PUT of which n "
        "are refused, 2n + 1 HEAD, 2 writes",
        _of_item(estimate),
        f"kept of each image = {estimate.usage.original_bytes / 1e6:,.2f} MB as cameras write them, "
        f"{estimate.usage.variant_bytes / 1e6:,.2f} MB of variants",
        f"CPU measured {costs.MEASURED} on another x86-64 machine than Lambda's; the wait is assumed; "
        f"prices {PRICES_OF}.",
        "Left out: traffic out of the region, retries, logs that are kept, the free tier but for alarms.",
    ]


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
        "gb_seconds": round(bill.lines[0].units),
        "requests": bill.requests(),
        "switches": {switch.name: [_line(line) for line in switch.lines] for switch in estimate.switches},
        "formula": formula(estimate),
        "item_bytes": estimate.usage.item_bytes,
        "longest_key_of_one_unit": estimate.sizes.longest_key,
        "event_bytes": estimate.usage.event_bytes,
    }


def _of_item(estimate: Estimate) -> str:
    """The size of an image's item in the images table, and what it means for the write units."""
    sizes, key_bytes = estimate.sizes, estimate.photos.key_bytes
    units, longest = sizes.units(key_bytes), sizes.longest_key
    limit = f"one with keys of up to {longest:,} bytes" if longest > 0 else "with keys of any length"
    return (
        f"item of the images table = {sizes.size(key_bytes):,} bytes with {estimate.usage.variants} variants and a key "
        f"of {key_bytes:,} bytes; its completion takes {many(units, 'write unit')}, {limit}"
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
