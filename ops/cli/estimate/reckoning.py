"""The sums of an estimate: the images, the switches that are on, and each month. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ops.cli.costs import requests
from ops.cli.costs.batch import FunctionSettings, ImageSeconds, image_seconds
from ops.cli.costs.bill import Bill, bill
from ops.cli.costs.cpu import bytes_of
from ops.cli.costs.drain import DEFAULT_LIMITS, AccountLimits
from ops.cli.costs.encoding import extra_cpu, variant_bytes
from ops.cli.costs.requests import Requests
from ops.cli.item_size import ItemSizes
from ops.cli.prices import Architecture
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
    """What photos cost by one stage; ``image`` is what one of them takes of an invocation."""

    photos: Photos
    function: FunctionSettings
    sizes: ItemSizes
    image: ImageSeconds
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


def estimated(
    photos: Photos,
    function: FunctionSettings,
    sizes: ItemSizes,
    on: Sequence[SwitchCost],
    limits: AccountLimits = DEFAULT_LIMITS,
) -> Estimate:
    """By a stage with this consumer, the recipe that the item sizes are of, and these switches on."""
    recipe = sizes.plan.recipe
    of_one, variants = _requests_of_one(photos, sizes), len(recipe.variants)
    image = image_seconds(
        function,
        of_one,
        variants=variants,
        megapixels=photos.megapixels,
        original_bytes=bytes_of(photos.megapixels),
        variant_bytes=variant_bytes(recipe, photos.megapixels),
        encoding=extra_cpu(recipe, photos.megapixels),
    )
    made = bill(
        photos.images,
        function,
        seconds=function.billed_seconds(image),
        requests=of_one * photos.images,
        variants=variants,
        uploads=True,
        limits=limits,
    )
    usage = usage_of(
        photos.images,
        hours=made.hours,
        uploads=True,
        function=function,
        sizes=sizes,
        key_bytes=photos.key_bytes,
        megapixels=photos.megapixels,
    )
    return Estimate(photos, function, sizes, image, made, usage, tuple(on))


def on_processor(made: Estimate, architecture: Architecture) -> Estimate:
    """The same photos by the same stage on another processor."""
    function = replace(made.function, architecture=architecture)
    return estimated(made.photos, function, made.sizes, made.on, made.bill.work.limits)


def _requests_of_one(photos: Photos, sizes: ItemSizes) -> Requests:
    """Of an image on average."""
    variants, units, share = len(sizes.plan.recipe.variants), sizes.units(photos.key_bytes), photos.overwrites
    first, over = requests.first_upload(variants, units=units), requests.overwrite(variants, units=units)
    return first * (1 - share) + over * share
