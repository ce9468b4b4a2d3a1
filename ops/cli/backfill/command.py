"""``darkroom backfill`` on the command line: its options, what it prints, and its exit code."""

import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from ops.cli.backfill.inventory import Inventory
from ops.cli.backfill.run import Backfill, BackfillProgress, BackfillTotals, planned
from ops.cli.backfill.sending import Send, sender_for
from ops.cli.backfill.sources import ListedObject, completed, keys_from, listed
from ops.cli.backfill.wanted import Decision, Missing, Records, Wanted
from ops.cli.checkpoint import Checkpoint
from ops.cli.costs.batch import FunctionSettings
from ops.cli.costs.bill import Bill, bill_of_backfill
from ops.cli.costs.cpu import megapixels_of
from ops.cli.item_size import ItemSizes
from ops.cli.recipes import VariantPlan, recipe_of
from ops.cli.settings import function_of, in_words, switches_of
from ops.cli.stage import Stage, on_stage
from ops.cli.switches.priced import bills
from ops.cli.switches.table import switches_named
from ops.cli.switches.usage import USUAL_KEY, usage_of
from ops.cli.tables import Grid, advise, table
from ops.cli.terminal import AsJson, DryRun, counting, many, print_json, stderr, stdout
from ops.errors import UsageError
from processing.ledger import ImagesTable

DEPTH: Final = 20_000
STDIN: Final = "-"

Find = Callable[[str], Iterable[ListedObject]]
"""Finds the objects behind a position."""

SourceArgument = Annotated[
    str,
    typer.Argument(
        help="An S3 Inventory in CSV, as s3://BUCKET/.../manifest.json or a file; or - for keys on stdin.",
        show_default="the uploads bucket",
    ),
]
PrefixOption = Annotated[str, typer.Option(help="Only keys that begin with this.", show_default="the stage's own")]
MissingOption = Annotated[
    bool, typer.Option("--missing", help="Only objects that lack a variant of the current recipe.")
]
RejectedOption = Annotated[bool, typer.Option("--rejected", help="With --missing: rejected objects as well.")]
SinceOption = Annotated[
    datetime | None,
    typer.Option(help="Only objects uploaded since then, in UTC.", formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]),
]
RateOption = Annotated[float | None, typer.Option(min=0.1, help="Messages a second.", show_default="unlimited")]
DepthOption = Annotated[int, typer.Option(min=0, help="Pause while the queue has this many messages; 0 for no limit.")]
CheckpointOption = Annotated[
    Path | None, typer.Option(help="A file for its progress; the same command resumes from it.")
]
ColumnsOption = Annotated[
    str, typer.Option(help="The inventory's columns.", show_default="its header, or manifest.json beside it")
]


@on_stage
def backfill(
    stage: Stage,
    source: SourceArgument = "",
    prefix: PrefixOption = "",
    missing: MissingOption = False,
    rejected: RejectedOption = False,
    changed_since: SinceOption = None,
    rate: RateOption = None,
    depth: DepthOption = DEPTH,
    checkpoint: CheckpointOption = None,
    columns: ColumnsOption = "",
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Process objects that are already in the uploads bucket, as if they had just been uploaded.

    The consumer makes only the variants that are missing or outdated, so sending an object twice does no harm. The
    messages have their own message group, so new uploads overtake them. Objects that are archived, or under a
    customer's key, are counted and not sent, if the source shows it: an inventory in its columns StorageClass,
    IntelligentTieringAccessTier and EncryptionStatus. With --dry-run the price covers the variants to make according to
    the records; variants that were deleted by hand are not included.

    Exit code 0 when all were sent, and 1 when SQS refused some; the same command with its --checkpoint sends the rest.

    Examples:

    darkroom backfill --missing --dry-run

    darkroom backfill s3://inventories/uploads/daily/2026-11-21T01-00Z/manifest.json --checkpoint backfill.json

    grep cat keys.txt | darkroom backfill - --json
    """
    prefix, plan = below(stage, prefix), VariantPlan(recipe_of(stage), stage.uploads_prefix)
    since = changed_since.replace(tzinfo=UTC) if changed_since else None
    records = Records(ImagesTable(stage.client("dynamodb"), stage.images_table), stage.uploads_bucket)
    judge = Missing(plan, rejected, time.time) if missing else None
    wanted = Wanted(plan, prefix, since, records if missing or dry_run else None, judge)
    find, identity = _source(stage, source, prefix, columns, by_date=since is not None)
    if dry_run:
        _estimate(stage, wanted, find(""), plan, as_json=as_json)
        return
    of = {"stage": stage.name, "bucket": stage.uploads_bucket, "source": source, "prefix": prefix}
    of |= {"inventory": identity, "missing": str(missing), "rejected": str(rejected), "changed_since": str(since)}
    send = sender_for(stage, author="backfill", rate=rate, depth=depth)
    _report(_run(wanted, find, send, Checkpoint(checkpoint, of, BackfillProgress())), as_json=as_json)


def below(stage: Stage, prefix: str) -> str:
    """The given prefix, which must be the stage's own or below it."""
    if not prefix:
        return stage.uploads_prefix
    if not prefix.startswith(stage.uploads_prefix):
        raise UsageError(
            f"the consumer processes {stage.uploads_prefix} only: give a --prefix that begins with it, "
            f"as in --prefix {stage.uploads_prefix}{prefix}"
        )
    return prefix


def _source(stage: Stage, source: str, prefix: str, columns: str, *, by_date: bool) -> tuple[Find, str]:
    """What finds the objects, and the inventory that they are of."""
    s3, bucket = stage.client("s3"), stage.uploads_bucket
    if not source:
        return lambda after: listed(s3, bucket, prefix, after=after), ""
    if source == STDIN:
        return lambda after: completed(s3, bucket, keys_from(sys.stdin, after=after)), ""
    inventory = Inventory(source, bucket=bucket, s3=s3, columns=columns)
    if by_date and not inventory.knows("LastModifiedDate"):
        raise UsageError(f"{source} has no column LastModifiedDate: leave --changed-since out, or the inventory")
    _print_inventory(inventory, stage)
    return lambda after: completed(s3, bucket, inventory.found(after=after)), inventory.identity


def _print_inventory(inventory: Inventory, stage: Stage) -> None:
    if inventory.missing:
        lacks = " and ".join(inventory.missing)
        stderr().print(f"the inventory has no column {lacks}: each object needs a HEAD, 0.40 dollars a million")
    if inventory.created:
        day = inventory.created.strftime("%Y-%m-%dT%H:%M:%S")
        advise(
            f"the inventory is from {day} UTC. The consumer ignores objects removed or replaced since; to send those "
            f"uploaded since without a notification: {stage.command('backfill', '--missing', '--changed-since', day)}"
        )


def _run(wanted: Wanted, find: Find, send: Send, checkpoint: Checkpoint[BackfillProgress]) -> BackfillTotals:
    """Resume from the checkpoint, and count on the terminal."""
    start = checkpoint.read()
    if start.after:
        stderr().print(f"resuming after {start.after}: {start.sent:,} already sent")
    with counting("sent", "examined") as count:
        run = Backfill(wanted, send, checkpoint, lambda totals: count(totals.sent, totals.decisions.total()))
        return run.run(find(start.after), start)


def _estimate(stage: Stage, wanted: Wanted, found: Iterable[ListedObject], plan: VariantPlan, *, as_json: bool) -> None:
    totals, function, sizes = BackfillTotals(), function_of(stage), ItemSizes.of(plan, stage.uploads_bucket)
    bill = bill_of_backfill(planned(wanted, found, sizes, totals), function, variants=len(plan.recipe.variants))
    switches = _switches(stage, bill, function, sizes, totals)
    dollars = bill.dollars + sum(switches.values())
    stderr().print(in_words(function, stage))
    _print_unreadable(totals)
    estimate = {
        "dollars": round(dollars, 2),
        "dollars_by_switch": {name: round(of_one, 2) for name, of_one in switches.items()},
        "hours": round(bill.hours, 2),
        "requests": bill.requests(),
    }
    if as_json:
        print_json(_document(totals) | estimate | {"settings": asdict(function)})
        return
    stdout().print(_table(totals.decisions.items()))
    of_which = ", ".join(f"{of_one:,.2f} for {name}" for name, of_one in switches.items())
    advise(
        f"{many(bill.images, 'object')} of {totals.size / 1e6:,.1f} MB would be sent: about {dollars:,.2f} dollars"
        f"{f' ({of_which})' if of_which else ''} and "
        f"{bill.hours:,.1f} hours; to see how they come about: {stage.command('estimate')}"
    )


def _switches(
    stage: Stage, bill: Bill, function: FunctionSettings, sizes: ItemSizes, totals: BackfillTotals
) -> dict[str, float]:
    """Dollars by each of the stage's switches that costs something for the images that get variants."""
    usage = usage_of(
        bill.made,
        hours=bill.hours,
        uploads=False,
        function=function,
        sizes=sizes,
        key_bytes=USUAL_KEY,
        megapixels=megapixels_of(totals.size) / max(1, bill.images),
    )
    return {each.name: each.dollars for each in bills(switches_named(switches_of(stage) or ()), usage)}


def _report(totals: BackfillTotals, *, as_json: bool) -> None:
    for key, why in totals.refused.items():
        stderr().print(f"not sent: {key}: {why}")
    if totals.refused:
        stderr().print("SQS refused these: fix the cause, then run the same command again")
    if as_json:
        print_json(_document(totals) | {"refused": totals.refused})
    else:
        stdout().print(_table([*totals.decisions.items(), ("sent", totals.sent)]))
    _print_unreadable(totals)
    if totals.refused:
        raise typer.Exit(1)


def _print_unreadable(totals: BackfillTotals) -> None:
    if archived := totals.decisions[Decision.ARCHIVED]:
        stderr().print(f"{many(archived, 'archived object')} not sent: restore them first, then run the backfill again")
    if encrypted := totals.decisions[Decision.CUSTOMER_KEY]:
        stderr().print(f"{many(encrypted, 'object')} under a customer's key (SSE-C) not sent: upload them without it")


def _table(counts: Iterable[tuple[str, int]]) -> Grid:
    return table(("objects", "count"), [(name, f"{count:,}") for name, count in counts], right=("count",))


def _document(totals: BackfillTotals) -> dict[str, Any]:
    counts = {each.name.lower(): totals.decisions[each] for each in Decision}
    return counts | {"sent": totals.sent, "bytes": totals.size}
