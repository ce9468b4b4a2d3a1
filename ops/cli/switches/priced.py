"""What the switches that are on cost together."""

from collections.abc import Sequence
from dataclasses import dataclass

from ops.cli.costs.bill import BillLine
from ops.cli.prices import ALARM, FREE_ALARMS
from ops.cli.switches.formulas import storage
from ops.cli.switches.table import ALARMS, SwitchCost
from ops.cli.switches.usage import Usage


@dataclass(frozen=True, slots=True)
class SwitchBill:
    """What one switch adds for the images of an estimate."""

    name: str
    lines: tuple[BillLine, ...]

    @property
    def dollars(self) -> float:
        return sum(line.dollars for line in self.lines)


@dataclass(frozen=True, slots=True)
class MonthLine:
    """What is charged each month, and for which switch; of every stage where there is none."""

    line: BillLine
    switch: str = ""


@dataclass(frozen=True, slots=True)
class Million:
    """What a million of something that no image implies costs by a switch."""

    switch: str
    of: str
    dollars: float


def bills(on: Sequence[SwitchCost], usage: Usage) -> tuple[SwitchBill, ...]:
    """Of each switch that costs something for these images."""
    made = (SwitchBill(switch.name, tuple(line for line in switch.images(usage) if line.units)) for switch in on)
    return tuple(bill for bill in made if bill.lines)


def month(on: Sequence[SwitchCost], usage: Usage) -> tuple[MonthLine, ...]:
    """What a stage with these images costs each month: what it keeps, what the switches add, its alarms."""
    alarms = max(0, ALARMS + sum(switch.alarms for switch in on) - FREE_ALARMS)
    return (
        *(MonthLine(line) for line in storage(usage)),
        *(MonthLine(line, switch.name) for switch in on for line in switch.month(usage)),
        MonthLine(BillLine("CloudWatch", f"alarms beyond {FREE_ALARMS} free", alarms, ALARM)),
    )


def millions(on: Sequence[SwitchCost], usage: Usage) -> tuple[Million, ...]:
    """What else the switches charge, which follows from no number of images."""
    charged = ((switch.name, *switch.million) for switch in on if switch.million)
    return tuple(Million(name, of, sum(line.dollars for line in lines(usage))) for name, of, lines in charged)
