"""A plan, printed: sentences and a table for people, a document for programs."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, Final

from ops.cli.plan.quotas import SOURCES, Plan, Quota
from ops.cli.tables import paragraph, table
from ops.cli.terminal import stdout

COLUMNS: Final = ("quota", "unit", "limit", "needed", "binds", "from")


def print_plan(plan: Plan, dollars: float) -> None:
    """How long it takes, each quota, what to raise, and where each number is from."""
    quotas = plan.quotas()
    numbers = {name: str(number) for number, name in enumerate(dict.fromkeys(one.source for one in quotas), start=1)}
    rows = [_row(one, numbers[one.source]) for one in quotas]
    say = stdout().print
    say(paragraph(_hours(plan, dollars)))
    say()
    say(table(COLUMNS, rows, right=COLUMNS[2:4], prose=COLUMNS[:1], drop=("from",)))
    say()
    for sentence in _remedies(quotas):
        say(paragraph(sentence, hang=2 if sentence.startswith("- ") else 0))
    for name, number in numbers.items():
        say(f"{number}  {SOURCES[name]}")


def as_document(plan: Plan, dollars: float) -> dict[str, Any]:
    """The same for programs."""
    quotas = [asdict(one) | {"binds": one.binds, "source": SOURCES[one.source]} for one in plan.quotas()]
    return {
        "images": plan.work.images,
        "within_hours": plan.within_hours,
        "images_per_second": round(plan.rate, 2),
        "hours": round(plan.hours, 2),
        "dollars": round(dollars, 2),
        "settings": asdict(plan.work),
        "quotas": quotas,
    }


def _hours(plan: Plan, dollars: float) -> str:
    work = plan.work
    return (
        f"{work.images:,} images take {_number(plan.hours)} hours as the stage is ({work.concurrency:,} invocations at "
        f"once, {work.batch} images each in {work.batch_seconds:.2f} s), and {dollars:,.0f} dollars. Within "
        f"{_number(plan.within_hours)} hours the plan needs {_number(plan.rate)} images a second:"
    )


def _remedies(quotas: list[Quota]) -> Iterator[str]:
    binding = [one for one in quotas if one.binds]
    if not binding:
        yield "No quota binds."
    for one in binding:
        yield f"- {one.name}: {one.remedy}"
    yield "Limits are AWS's defaults, on paper: nothing here has run on AWS. Where each is from:"


def _row(one: Quota, number: str) -> tuple[str, ...]:
    return one.name, one.unit, _number(one.limit), _number(one.needed), "YES" if one.binds else "no", number


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:,.2f}"
