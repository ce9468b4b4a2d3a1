"""``darkroom estimate``: what so many images of a size cost on AWS, and the hours they take."""

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import cycle
from typing import Annotated, Any, Final

import typer

from ops.cli import costs
from ops.cli.costs import Architecture, Bill, FunctionSettings
from ops.cli.encoding import extra_cpu
from ops.cli.item_size import ItemSizes
from ops.cli.plan.command import PlanOption, WarmOption, WithinOption, plan_of, show_plan
from ops.cli.plan.drain import WARM
from ops.cli.recipes import VariantPlan, read_recipe
from ops.cli.settings import function_of, in_words, parameters
from ops.cli.stage import Stage, on_stage_if_named
from ops.cli.terminal import AsJson, print_json, stderr, stdout, table
from ops.errors import UsageError
from processing.events import MAX_KEY_BYTES

UNITS: Final = {"MP": 1.0, "KB": 1e3, "MB": 1e6, "GB": 1e9}


OF_STAGE: Final = "the stage's, or serverless.yml's"

MemoryOption = Annotated[
    int | None, typer.Option(min=512, max=10240, help="Of the function, in MB.", show_default=OF_STAGE)
]
ConcurrencyOption = Annotated[
    int | None, typer.Option(min=2, max=1000, help="Invocations at once.", show_default=OF_STAGE)
]
ArchitectureOption = Annotated[Architecture | None, typer.Option(help="x86_64 or arm64.", show_default=OF_STAGE)]
BatchOption = Annotated[
    int | None, typer.Option(min=1, help="Images in one invocation: as many with a backlog.", show_default=OF_STAGE)
]
VariantsOption = Annotated[
    int | None, typer.Option(min=1, help="Variants of each image.", show_default="recipe.toml's")
]
KeyLengthOption = Annotated[
    int, typer.Option(min=1, max=MAX_KEY_BYTES, help="Bytes of a key, prefix included: it is part of each table item.")
]
OverwritesOption = Annotated[
    float, typer.Option(min=0, max=100, help="Percent of the images that replace another version of the same key.")
]


@on_stage_if_named
def estimate(
    stage: Stage | None,
    images: Annotated[int, typer.Option(min=1, help="How many images.")] = 1_000_000,
    size: Annotated[str, typer.Option(help="Of one: megapixels, or bytes as cameras write them.")] = "12MP",
    memory: MemoryOption = None,
    concurrency: ConcurrencyOption = None,
    architecture: ArchitectureOption = None,
    batch: BatchOption = None,
    variants: VariantsOption = None,
    overwrites: OverwritesOption = 0,
    key_length: KeyLengthOption = 60,
    plan: PlanOption = False,
    within: WithinOption = None,
    warm_writes: WarmOption = WARM,
    as_json: AsJson = False,
) -> None:
    """What so many images of a size cost on AWS, by service, and the hours they take.

    List prices, and CPU as measured for the recipe's sizes and formats; the formula is below the table. With --stage
    it uses the settings that this stage was deployed with; without, it needs no credentials and sends no request. A
    new version of an image costs more than a first upload: S3 refuses each PUT once, since nobody knows what is there
    without a further request. A table item above 1 KB costs another write unit. With --plan: the quotas that bind.

    Examples:

    darkroom estimate --images 1000000 --size 12MP --overwrites 20

    darkroom estimate --stage prod --images 200000 --memory 3008 --concurrency 100

    darkroom estimate --images 100000000 --plan --within 240

    darkroom estimate --size 24MP --variants 9 --key-length 120 --architecture arm64 --json
    """
    function = _function(stage, memory=memory, architecture=architecture, concurrency=concurrency, batch=batch)
    megapixels, sizes = _megapixels(size), _item_sizes(stage, variants)
    cpu = costs.cpu_of(megapixels, function.architecture) + extra_cpu(sizes.plan.recipe, megapixels)
    requests = _requests_of_one(sizes, key_length, overwrites / 100) * images
    bill = costs.bill(images, function, seconds=function.billed_seconds(cpu), requests=requests, uploads=True)
    if plan:
        show_plan(plan_of(bill, function, requests.writes, stage, within, warm_writes), bill, as_json=as_json)
    elif as_json:
        print_json(_document(bill, function, megapixels, cpu) | _item_document(sizes, key_length))
    else:
        stdout().print(table_of(bill))
        _explain(bill, function, [*formula(bill, function, cpu), of_item(sizes, key_length)])


def _function(stage: Stage | None, **given: Any) -> FunctionSettings:
    """The stage's settings, or serverless.yml's, with those that are given in their place."""
    base = function_of(stage)
    stderr().print(in_words(base, stage))
    return replace(base, **{name: value for name, value in given.items() if value})


def of_item(sizes: ItemSizes, key_length: int) -> str:
    """The size of an image's item in the images table, and what it means for the write units."""
    size, units, longest = sizes.size(key_length), sizes.units(key_length), sizes.longest_key
    limit = f"one with keys of up to {longest:,} bytes" if longest > 0 else "with keys of any length"
    return (
        f"item of the images table = {size:,} bytes with {len(sizes.plan.recipe.variants)} variants and a key of "
        f"{key_length:,} bytes; its completion takes {units} write unit{'' if units == 1 else 's'}, {limit}"
    )


def _item_sizes(stage: Stage | None, variants: int | None) -> ItemSizes:
    """For the recipe, or for as many variants as are given, named like the recipe's."""
    recipe = read_recipe()
    if variants:
        names = zip(range(variants), cycle(recipe.variants), strict=False)
        recipe = replace(recipe, variants=tuple(replace(spec, name=f"{spec.name}{number}") for number, spec in names))
    if stage is None:
        return ItemSizes.of(VariantPlan(recipe, parameters()["uploadsPrefix"]))
    return ItemSizes.of(VariantPlan(recipe, stage.uploads_prefix), stage.uploads_bucket)


def _requests_of_one(sizes: ItemSizes, key_length: int, share: float) -> costs.Requests:
    """Of an image on average, when this share of them replaces another version."""
    variants, units = len(sizes.plan.recipe.variants), sizes.units(key_length)
    return costs.first_upload(variants, units=units) * (1 - share) + costs.overwrite(variants, units=units) * share


def table_of(bill: Bill) -> Any:
    """The bill, line by line."""
    rows = [
        (line.service, line.what, _count(line.units), _price(line.price), f"{line.dollars:,.2f}")
        for line in bill.lines
        if line.units
    ]
    total = ("", "in all", "", "", f"{bill.dollars:,.2f}")
    return table(("service", "what", "units", "$ each", "$"), [*rows, total], right=("units", "$ each", "$"))


def _explain(bill: Bill, function: FunctionSettings, sentences: Sequence[str]) -> None:
    say = typer.echo
    say()
    say(f"{bill.hours:,.1f} hours with {function.concurrency} at once: {_rate(bill):,.0f} images a second.")
    for sentence in sentences:
        say(sentence)


def formula(bill: Bill, function: FunctionSettings, cpu: float) -> list[str]:
    """How the seconds and the hours came about, with the numbers in it, and where each number is from.

    Args:
        cpu: milliseconds of one image.
    """
    return [
        f"billed seconds of a batch = {function.batch} images x {cpu / 1000:.3f} s CPU / {function.vcpus:.2f} vCPU"
        f" + {function.rounds} x {costs.WAIT} s waiting = {bill.seconds * function.batch:.2f}",
        f"of one image = {bill.seconds:.3f}; GB-s = images x that x {function.memory} MB / 1,024",
        f"hours = images x that / {function.concurrency} / 3,600, and at most "
        f"{costs.TABLE_WRITES_A_SECOND:,} write units a second, which a new table takes",
        "requests of n variants: a first upload 1 GET, n PUT, 1 HEAD, 2 writes; an overwrite 1 GET, 2n PUT of which n "
        "are refused, 2n + 1 HEAD, 2 writes",
        f"CPU measured {costs.MEASURED} on another x86-64 machine than Lambda's; the wait is assumed; "
        f"prices {costs.PRICES_OF}.",
        "Left out: storage, traffic out of the region, retries, the free tier.",
    ]


def _document(bill: Bill, function: FunctionSettings, megapixels: float, cpu: float) -> dict[str, Any]:
    return {
        "images": bill.images,
        "megapixels": round(megapixels, 3),
        "memory": function.memory,
        "architecture": function.architecture,
        "concurrency": function.concurrency,
        "batch": function.batch,
        "dollars": round(bill.dollars, 2),
        "dollars_by_service": {name: round(dollars, 2) for name, dollars in bill.by_service().items()},
        "hours": round(bill.hours, 2),
        "seconds_per_image": round(bill.seconds, 4),
        "gb_seconds": round(bill.lines[0].units),
        "requests": bill.requests(),
        "formula": formula(bill, function, cpu),
    }


def _item_document(sizes: ItemSizes, key_length: int) -> dict[str, int]:
    return {"item_bytes": sizes.size(key_length), "longest_key_of_one_unit": sizes.longest_key}


def _megapixels(size: str) -> float:
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*(MP|KB|MB|GB)", size.strip().upper())
    if found is None or float(found[1]) == 0:
        raise UsageError(f"{size!r} is not a size: give megapixels or bytes, as in --size 12MP or --size 200KB")
    number = float(found[1]) * UNITS[found[2]]
    return number if found[2] == "MP" else costs.megapixels_of(round(number))


def _rate(bill: Bill) -> float:
    return bill.images / (bill.hours * 3600)


def _count(units: float) -> str:
    return f"{units:,.0f}" if units >= 10 else f"{units:,.2f}"


def _price(price: float) -> str:
    return f"{price:.10f}".rstrip("0")
