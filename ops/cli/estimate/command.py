"""``darkroom estimate`` on the command line: its options, and what they are of."""

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import cycle
from typing import Annotated, Any, Final

import typer

from ops.cli.costs.batch import S3_SECONDS, FunctionSettings, Latency
from ops.cli.costs.cpu import megapixels_of
from ops.cli.costs.drain import ACCOUNT, TABLE_MOST, WARM, AccountLimits
from ops.cli.estimate.printing import document, print_tables
from ops.cli.estimate.reckoning import Estimate, Photos, estimated
from ops.cli.item_size import ItemSizes
from ops.cli.plan.command import PlanOption, WithinOption, plan_of, show_plan
from ops.cli.prices import Architecture
from ops.cli.recipes import VariantPlan, read_recipe, recipe_of
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
    int | None, typer.Option(min=1, help="Batch size when there is a backlog.", show_default=OF_STAGE)
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
LatencyOption = Annotated[
    float,
    typer.Option(min=0, max=10_000, help="Milliseconds to the first byte of S3's responses; DynamoDB's take a tenth."),
]
AccountOption = Annotated[
    int, typer.Option(min=1, help="Invocations at once of the whole account; a new account has 10.")
]
WarmOption = Annotated[
    int, typer.Option(min=1, max=TABLE_MOST, help="Write units a second that the table takes at once: warm throughput.")
]
PrefixesOption = Annotated[
    int, typer.Option(min=1, help="Prefixes of S3 below the uploads prefix, after it has split the keys under load.")
]
WithOption = Annotated[
    list[str] | None,
    typer.Option("--with", help="Include a switch that is off, such as events.", show_default="none"),
]


@on_stage_if_named
def estimate(
    stage: Stage | None,
    images: Annotated[int, typer.Option(min=1, help="How many images.")] = 1_000_000,
    size: Annotated[str, typer.Option(help="The size of one: megapixels, or bytes of a camera's file.")] = "12MP",
    memory: MemoryOption = None,
    concurrency: ConcurrencyOption = None,
    architecture: ArchitectureOption = None,
    batch: BatchOption = None,
    variants: VariantsOption = None,
    overwrites: OverwritesOption = 0,
    key_length: KeyLengthOption = USUAL_KEY,
    s3_latency: LatencyOption = 1000 * S3_SECONDS,
    account: AccountOption = ACCOUNT,
    warm_writes: WarmOption = WARM,
    prefixes: PrefixesOption = 1,
    with_switches: WithOption = None,
    plan: PlanOption = False,
    within: WithinOption = None,
    as_json: AsJson = False,
) -> None:
    """Estimate what a number of images costs on AWS, by service and switch, the hours they take, and the monthly costs.

    List prices, and CPU times measured for camera photos; the formula is below the tables. With --stage it uses the
    settings and switches of the deployed stage; without, it needs no credentials and sends no request. A new
    version of an image costs more than a first upload: S3 refuses each PUT once, because the consumer does not
    check first whether a variant exists. A table item above 1 KB costs another write unit. The hours are those needed
    to drain the queue, by Lambda's ramp and the rates of S3 and DynamoDB. All switches: docs/parameters.md.

    Examples:

    darkroom estimate --images 100000000 --overwrites 20 --plan --within 240

    darkroom estimate --stage prod --images 200000 --memory 3008 --concurrency 100

    darkroom estimate --variants 9 --key-length 120 --with events --with ingest=eventbridge --architecture arm64 --json
    """
    given = {"memory": memory, "architecture": architecture, "concurrency": concurrency, "batch": batch}
    function = _function(stage, **given, latency=Latency(s3_latency / 1000))
    photos = Photos(images, _megapixels(size), overwrites / 100, key_length)
    switches, limits = _switches(stage, with_switches or []), AccountLimits(account, warm_writes, prefixes)
    made = estimated(photos, function, _item_sizes(stage, variants), switches, limits)
    if plan:
        show_plan(plan_of(made, stage, within), made, as_json=as_json)
    else:
        _print(made, as_json=as_json)


def _print(made: Estimate, *, as_json: bool) -> None:
    if as_json:
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
        stderr().print("the stage does not list its switches: deploy it again, or name them with --with")
    return switches_named({*(on or ()), *more})


def _item_sizes(stage: Stage | None, variants: int | None) -> ItemSizes:
    """For the recipe, or for as many variants as are given, named like the recipe's."""
    recipe = read_recipe() if stage is None else recipe_of(stage)
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
    return number if found[2] == "MP" else megapixels_of(round(number))
