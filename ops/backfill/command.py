"""``darkroom backfill`` on the command line: its options, what it prints, and its exit code."""

import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from ops import costs
from ops.backfill.checkpoint import Checkpoint
from ops.backfill.inventory import Inventory
from ops.backfill.messages import body
from ops.backfill.room import Room
from ops.backfill.run import Backfill, Send, Totals, sizes_of_wanted
from ops.backfill.sources import Found, asked_for, listed, named
from ops.backfill.wanted import Missing, Verdict, Wanted
from ops.errors import UsageError
from ops.images import ImagesTable
from ops.queues import OutgoingMessage, RateLimiter, Sender, depth_of
from ops.recipes import read_recipe
from ops.settings import function_of, in_words
from ops.stage import Stage, on_stage
from ops.terminal import AsJson, DryRun, counting, paper, print_json, table, words

DEPTH: Final = 20_000
GROUP: Final = "backfill"
STDIN: Final = "-"

SourceArgument = Annotated[
    str, typer.Argument(help="An S3 Inventory in CSV, or - for keys on stdin.", show_default="the uploads bucket")
]
PrefixOption = Annotated[str, typer.Option(help="Only keys that begin with this.", show_default="the stage's own")]
MissingOption = Annotated[bool, typer.Option("--missing", help="Only what has no record as DONE with today's recipe.")]
RejectedOption = Annotated[bool, typer.Option("--rejected", help="With --missing: what was rejected with it as well.")]
SinceOption = Annotated[
    datetime | None,
    typer.Option(help="Only what was uploaded since, in UTC.", formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]),
]
RateOption = Annotated[float | None, typer.Option(min=0.1, help="Messages a second.", show_default="as many as go")]
DepthOption = Annotated[int, typer.Option(min=0, help="Send no more while so many wait in the queue; 0 for no limit.")]
CheckpointOption = Annotated[
    Path | None, typer.Option(help="Where to note how far it has come; the same command goes on from there.")
]
ColumnsOption = Annotated[
    str, typer.Option(help="Of the inventory.", show_default="its header, or manifest.json beside it")
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
    """Send objects that are in the uploads bucket already through the service, as if they had just come.

    What is done already is looked at and left alone, unless a variant is missing or of another recipe; so sending an
    object twice does no harm. The messages are one tenant of the queue: new uploads overtake them. What is archived, or
    under a customer's key, is counted and not sent, where the source tells: an inventory by its columns StorageClass,
    IntelligentTieringAccessTier and EncryptionStatus, as of the day it was written.

    Exit code 0 when all were sent, and 1 when SQS refused some; the same command with its --checkpoint sends the rest.

    Examples:

    darkroom backfill --missing --dry-run

    darkroom backfill --prefix images/2026/ --checkpoint backfill.json

    darkroom backfill inventory.csv.gz --missing --rate 200

    grep cat keys.txt | darkroom backfill - --json
    """
    prefix = below(stage, prefix)
    since = changed_since.replace(tzinfo=UTC) if changed_since else None
    wanted = Wanted(prefix, since, _missing(stage, rejected) if missing else None)
    find = _source(stage, source, prefix, columns, by_date=since is not None)
    if dry_run:
        _tell_what_would_be_done(stage, wanted, find(""), as_json=as_json)
        return
    options = {"missing": str(missing), "rejected": str(rejected), "changed_since": str(changed_since)}
    of = {"stage": stage.name, "bucket": stage.uploads_bucket, "source": source, "prefix": prefix, **options}
    send = sending(stage, author="backfill", rate=rate, depth=depth)
    totals = _run(wanted, find, send, Checkpoint(checkpoint, of))
    _report(totals, as_json=as_json)
    _say_what_cannot_be_read(totals)
    if totals.refused:
        raise typer.Exit(1)


def sending(stage: Stage, *, author: str, rate: float | None, depth: int) -> Send:
    """What sends objects to the stage's queue: so many a second, and while so many wait at most; 0 for no limit."""
    sqs = stage.client("sqs")
    sender = Sender(sqs, stage.queue_url)
    room = Room(depth, lambda: depth_of(sqs, stage.queue_url).total) if depth else None
    limiter = RateLimiter(rate)

    def send(found: Sequence[Found]) -> None:
        if room:
            room.wait(len(found))
        limiter.wait(len(found))
        bodies = [body(one, bucket=stage.uploads_bucket, region=stage.region, author=author) for one in found]
        sender.send([OutgoingMessage(each, GROUP) for each in bodies])

    return send


def below(stage: Stage, prefix: str) -> str:
    """The prefix that was asked for, which is the stage's own or below it."""
    if not prefix:
        return stage.uploads_prefix
    if not prefix.startswith(stage.uploads_prefix):
        raise UsageError(
            f"the consumer works on {stage.uploads_prefix} only: give a --prefix that begins with it, "
            f"as in --prefix {stage.uploads_prefix}{prefix}"
        )
    return prefix


def _missing(stage: Stage, rejected: bool) -> Missing:
    images = ImagesTable(stage.client("dynamodb"), stage.images_table)
    return Missing(images, stage.uploads_bucket, read_recipe().fingerprint, rejected, time.time)


def _source(stage: Stage, source: str, prefix: str, columns: str, *, by_date: bool) -> Callable[[str], Iterable[Found]]:
    """What finds the objects behind a position."""
    s3, bucket = stage.client("s3"), stage.uploads_bucket
    if not source:
        return lambda after: listed(s3, bucket, prefix, after=after)
    if source == STDIN:
        return lambda after: asked_for(s3, bucket, named(sys.stdin, after=after))
    inventory = Inventory(Path(source), bucket=bucket, columns=columns)
    if by_date and not inventory.knows("LastModifiedDate"):
        raise UsageError(f"{source} has no column LastModifiedDate: leave --changed-since out, or the inventory")
    return lambda after: asked_for(s3, bucket, inventory.found(after=after))


def _run(wanted: Wanted, find: Callable[[str], Iterable[Found]], send: Send, checkpoint: Checkpoint) -> Totals:
    """Go on where the checkpoint stands, and count on the terminal."""
    start = checkpoint.read()
    if start.after:
        words().print(f"going on behind {start.after}: {start.sent:,} were sent before")
    with counting("sent", "looked at") as count:
        run = Backfill(wanted, send, checkpoint, lambda totals: count(totals.sent, totals.verdicts.total()))
        return run.run(find(start.after), start)


def _tell_what_would_be_done(stage: Stage, wanted: Wanted, found: Iterable[Found], *, as_json: bool) -> None:
    totals, function = Totals(), function_of(stage)
    sizes = sizes_of_wanted(wanted, found, totals)
    bill = costs.bill_of_files(sizes, function, variants=len(read_recipe().variants), uploads=False)
    words().print(in_words(function, stage))
    _say_what_cannot_be_read(totals)
    estimate = {"dollars": round(bill.dollars, 2), "hours": round(bill.hours, 2)}
    if as_json:
        print_json(_document(totals) | estimate | {"settings": asdict(function)})
        return
    paper().print(_table(totals.verdicts.items()))
    words().print(
        f"{bill.images:,} objects of {totals.size / 1e6:,.1f} MB would be sent: about {bill.dollars:,.2f} dollars and "
        f"{bill.hours:,.1f} hours (see: darkroom estimate --stage {stage.name})"
    )


def _report(totals: Totals, *, as_json: bool) -> None:
    for key, why in totals.refused.items():
        words().print(f"not sent: {key}: {why}")
    if totals.refused:
        words().print("SQS refused these: mend what it says, and give the same command again")
    if as_json:
        print_json(_document(totals) | {"refused": totals.refused})
    else:
        paper().print(_table([*totals.verdicts.items(), ("sent", totals.sent)]))


def _say_what_cannot_be_read(totals: Totals) -> None:
    if archived := totals.verdicts[Verdict.ARCHIVED]:
        words().print(f"{archived:,} archived objects were not sent: restore them first, then run the backfill again")
    if encrypted := totals.verdicts[Verdict.CUSTOMER_KEY]:
        words().print(f"{encrypted:,} objects under a customer's key (SSE-C) were not sent: upload them without it")


def _table(counts: Iterable[tuple[str, int]]) -> Any:
    return table(("objects", "count"), [(name, f"{count:,}") for name, count in counts], right=("count",))


def _document(totals: Totals) -> dict[str, Any]:
    counts = {verdict.name.lower(): totals.verdicts[verdict] for verdict in Verdict}
    return counts | {"sent": totals.sent, "bytes": totals.size}
