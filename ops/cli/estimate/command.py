"""``darkroom estimate`` on the command line: its options, and what they are of."""

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import cycle
from typing import Annotated, Any, Final

import typer

from ops.cli import costs
from ops.cli.costs import FunctionSettings
from ops.cli.estimate.printing import document, print_tables
from ops.cli.estimate.reckoning import Photos, estimated
from ops.cli.item_size import ItemSizes
from ops.cli.plan.command import PlanOption, WarmOption, WithinOption, plan_of, show_plan
from ops.cli.plan.drain import WARM
from ops.cli.prices import Architecture
from ops.cli.recipes import VariantPlan, read_recipe
from ops.cli.settings import function_of, in_words, parameters, switches_of
from ops.cli.stage import Stage, on_stage_if_named
from ops.cli.switches.table import SwitchCost, switches_named
from ops.cli.switches.usage import USUAL_KEY
from ops.cli.terminal import AsJson, print_json, stderr
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


WithOption = Annotated[
    list[str] | None,
    typer.Option("--with", help="A switch that is off, such as events: price it as well.", show_default="none"),
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
    key_length: KeyLengthOption = USUAL_KEY,
    with_switches: WithOption = None,
    plan: PlanOption = False,
    within: WithinOption = None,
    warm_writes: WarmOption = WARM,
    as_json: AsJson = False,
) -> None:
    """What so many images of a size cost on AWS, by service and switch, the hours they take, and each month after.

    List prices, and CPU as measured for the recipe's sizes and formats; the formula is below the tables. With --stage
    it uses the settings and switches that this stage was deployed with; without, it needs no credentials and sends no
    request. A new version of an image costs more than a first upload: S3 refuses each PUT once, since nobody knows what
    is there without a further request. A table item above 1 KB costs another write unit. What is kept costs each month,
    which is not in the sum of what is paid once. With --plan: the quotas that bind. All switches: docs/parameters.md.

    Examples:

    darkroom estimate --images 1000000 --size 12MP --overwrites 20

    darkroom estimate --stage prod --images 200000 --memory 3008 --concurrency 100

    darkroom estimate --images 100000000 --plan --within 240

    darkroom estimate --variants 9 --key-length 120 --with events --with ingest=eventbridge --architecture arm64 --json
    """
    function = _function(stage, memory=memory, architecture=architecture, concurrency=concurrency, batch=batch)
    photos = Photos(images, _megapixels(size), overwrites / 100, key_length)
    made = estimated(photos, function, _item_sizes(stage, variants), _switches(stage, with_switches or []))
    if plan:
        show_plan(plan_of(made, stage, within, warm_writes), made, as_json=as_json)
    elif as_json:
        print_json(document(made))
    else:
        print_tables(made)


def _function(stage: Stage | None, **given: Any) -> FunctionSettings:
    """The stage's settings, or serverless.yml's, with those that are given in their place."""
    base = function_of(stage)
    stderr().print(in_words(base, stage))
    return replace(base, **{name: value for name, value in given.items() if value})


def _switches(stage: Stage | None, more: Sequence[str]) -> tuple[SwitchCost, ...]:
    """The switches that are on, and those that are given."""
    on = switches_of(stage)
    if on is None:
        stderr().print("the stage does not say what is on: deploy it again, or name its switches with --with")
    return switches_named({*(on or ()), *more})


def _item_sizes(stage: Stage | None, variants: int | None) -> ItemSizes:
    """For the recipe, or for as many variants as are given, named like the recipe's."""
    recipe = read_recipe()
    if variants:
        names = zip(range(variants), cycle(recipe.variants), strict=False)
        recipe = replace(recipe, variants=tuple(replace(spec, name=f"{spec.name}{number}") for number, spec in names))
    if stage is None:
        return ItemSizes.of(VariantPlan(recipe, parameters()["uploadsPrefix"]))
    return ItemSizes.of(VariantPlan(recipe, stage.uploads_prefix), stage.uploads_bucket)


def _megapixels(size: str) -> float:
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*(MP|KB|MB|GB)", size.strip().upper())
    if found is None or float(found[1]) == 0:
        raise UsageError(f"{size!r} is not a size: give megapixels or bytes, as in --size 12MP or --size 200KB")
    number = float(found[1]) * UNITS[found[2]]
    return number if found[2] == "MP" else costs.megapixels_of(round(number))
