"""The sums of an estimate: the images, the switches that are on, and each month. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from ops.cli import costs
from ops.cli.costs import Bill, FunctionSettings
from ops.cli.encoding import extra_cpu
from ops.cli.item_size import ItemSizes
from ops.cli.switches import priced
from ops.cli.switches.priced import Million, MonthLine, SwitchBill
from ops.cli.switches.table import SwitchCost
from ops.cli.switches.usage import USUAL_KEY, Usage, usage_of


@dataclass(frozen=True, slots=True)
class Photos:
    """The photos that are still to be uploaded.

    Args:
        overwrites: the share that replaces another version of the same key.
        key_bytes: the length of a key.
    """

    images: int
    megapixels: float
    overwrites: float = 0.0
    key_bytes: int = USUAL_KEY


@dataclass(frozen=True, slots=True)
class Estimate:
    """What photos cost by one stage; ``cpu`` is the milliseconds of one."""

    photos: Photos
    function: FunctionSettings
    sizes: ItemSizes
    cpu: float
    bill: Bill
    usage: Usage
    on: tuple[SwitchCost, ...]

    @property
    def switches(self) -> tuple[SwitchBill, ...]:
        return priced.bills(self.on, self.usage)

    @property
    def month(self) -> tuple[MonthLine, ...]:
        return priced.month(self.on, self.usage)

    @property
    def millions(self) -> tuple[Million, ...]:
        return priced.millions(self.on, self.usage)

    @property
    def dollars(self) -> float:
        """Of the images and the switches, once; no month is in it."""
        return self.bill.dollars + sum(switch.dollars for switch in self.switches)

    def by_service(self) -> dict[str, float]:
        """The same dollars, in the order of the lines."""
        sums = self.bill.by_service()
        for line in (line for switch in self.switches for line in switch.lines):
            sums[line.service] = sums.get(line.service, 0.0) + line.dollars
        return sums


def estimated(photos: Photos, function: FunctionSettings, sizes: ItemSizes, on: Sequence[SwitchCost]) -> Estimate:
    """By a stage with this consumer, the recipe that the item sizes are of, and these switches on."""
    cpu = costs.cpu_of(photos.megapixels, function.architecture) + extra_cpu(sizes.plan.recipe, photos.megapixels)
    seconds, requests = function.billed_seconds(cpu), _requests_of_one(photos, sizes) * photos.images
    bill = costs.bill(photos.images, function, seconds=seconds, requests=requests, uploads=True)
    usage = usage_of(
        photos.images,
        hours=bill.hours,
        uploads=True,
        function=function,
        sizes=sizes,
        key_bytes=photos.key_bytes,
        megapixels=photos.megapixels,
    )
    return Estimate(photos, function, sizes, cpu, bill, usage, tuple(on))


def _requests_of_one(photos: Photos, sizes: ItemSizes) -> costs.Requests:
    """Of an image on average."""
    variants, units, share = len(sizes.plan.recipe.variants), sizes.units(photos.key_bytes), photos.overwrites
    return costs.first_upload(variants, units=units) * (1 - share) + costs.overwrite(variants, units=units) * share
