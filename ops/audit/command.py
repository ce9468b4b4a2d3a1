"""``darkroom audit`` on the command line: its options, what it prints, and its exit code."""

import time
from typing import Annotated, Any, Final

import typer

from ops.audit.again import Again, Sample, sandbox
from ops.audit.findings import Finding, Tally
from ops.audit.judge import Judge
from ops.audit.names import Names
from ops.audit.orphans import Orphans
from ops.audit.repair import Done, Plan, Repair
from ops.audit.run import Audit
from ops.backfill.command import below, sending
from ops.backfill.sources import listed
from ops.errors import UsageError
from ops.images import ImagesTable
from ops.queues import depth_of
from ops.recipes import read_recipe
from ops.settings import Consumer
from ops.stage import Stage, on_stage
from ops.terminal import AsJson, DryRun, counting, paper, print_json, table, words

SHOWN: Final = 1000

PrefixOption = Annotated[str, typer.Option(help="Only uploads below this.", show_default="the stage's own")]
DeepOption = Annotated[bool, typer.Option("--deep", help="Look at every variant: one HEAD each.")]
RenderOption = Annotated[
    int,
    typer.Option("--render", min=0, help="Render so many finished objects again, chosen at random, and compare."),
]
RepairOption = Annotated[
    bool, typer.Option("--repair", help="Send what has to be made, and delete variants that should not be there.")
]
KeepOption = Annotated[
    bool | None,
    typer.Option(
        "--keep-orphans/--delete-orphans",
        help="With --repair: whether variants without a source stay.",
        show_default="they stay where the stage's `removals` is off",
    ),
]
RateOption = Annotated[
    float | None, typer.Option(min=0.1, help="With --repair: messages a second.", show_default="as many as go")
]
GraceOption = Annotated[
    int, typer.Option(min=0, help="Minutes an upload may be on its way, while the queue holds messages.")
]
LimitOption = Annotated[int, typer.Option(min=0, help="Print at most so many findings; 0 for all.")]


@on_stage
def audit(
    stage: Stage,
    prefix: PrefixOption = "",
    deep: DeepOption = False,
    render: RenderOption = 0,
    repair: RepairOption = False,
    keep_orphans: KeepOption = None,
    rate: RateOption = None,
    grace: GraceOption = 30,  # longer than a killed invocation hides its messages
    limit: LimitOption = SHOWN,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Compare the uploads bucket, the images table and the variants bucket, object by object.

    Found are variants that are missing, stale or without a source, and uploads with no record as DONE with today's
    recipe. Rejected ones are counted apart, and so are archived ones that are not done: they cannot be read. A variant
    is stale when it is not of the version and the recipe it should be of: those that are older than their source, or of
    another size than recorded, are looked at; with --deep all. Before a variant is called missing or orphaned, it is
    asked for once more. A source is gone when it was deleted, or expired by a lifecycle rule: where the stage's
    `removals` is off, its variants are named and, by default, kept.

    With --render a sample of the objects that nothing else is wrong with is rendered here, in a sandbox as the function
    has it, and compared with what is published, byte by byte: a wrong picture is found that way alone. Other versions
    of the image libraries than the deployed ones may give other bytes. Repair deletes a wrong picture and sends its
    source.

    Exit code 0 when nothing was found or all of it was repaired, else 1. What is sent for repair takes the consumer's
    time: audit again when the queue is empty.

    Examples:

    darkroom audit

    darkroom audit --prefix images/2026/ --deep --json

    darkroom audit --deep --render 200

    darkroom audit --repair --dry-run

    darkroom audit --repair
    """
    made = _audit(stage, prefix, deep=deep, grace=grace * 60, render=render)
    _say_what_is_left_out(stage, made.names)
    mending: Repair | Plan | None = None
    if repair:
        keep = keep_orphans if keep_orphans is not None else not Consumer.of(stage).removals
        _refuse_an_empty_bucket(stage, keep_orphans=keep)
        mending = Plan(keep_orphans=keep) if dry_run else _repair(stage, made.names, rate, keep_orphans=keep)
    shown = _run(made, mending, limit)
    done = mending.finish() if mending else None
    if as_json:
        print_json(_document(made.tally, shown, done))
    else:
        _print(made.tally, shown)
        if done is not None:
            _tell(done, would=dry_run)
    if made.tally.found and (done is None or dry_run or done.left):
        raise typer.Exit(1)


def _audit(stage: Stage, prefix: str, *, deep: bool, grace: float, render: int) -> Audit:
    recipe, prefix = read_recipe(), below(stage, prefix)
    s3, images = stage.client("s3"), ImagesTable(stage.client("dynamodb"), stage.images_table)
    names = Names(stage.uploads_prefix, {spec.name: spec.format for spec in recipe.variants})
    queued = depth_of(stage.client("sqs"), stage.queue_url).total > 0
    return Audit(
        uploads_bucket=stage.uploads_bucket,
        sources=listed(s3, stage.uploads_bucket, prefix),
        list_variants=lambda where: listed(s3, stage.variants_bucket, where),
        below=prefix.removeprefix(stage.uploads_prefix),
        names=names,
        table=images,
        judge=Judge(s3, stage.variants_bucket, recipe.fingerprint, grace, queued, deep, time.time),
        orphans=Orphans(s3, stage.uploads_bucket, stage.variants_bucket, names, images, recipe.fingerprint),
        again=Again(s3, stage.uploads_bucket, stage.variants_bucket, recipe, Sample(render), sandbox),
    )


def _run(made: Audit, mending: Repair | Plan | None, limit: int) -> list[Finding]:
    """Have each finding mended, and count on the terminal; returns those to print."""
    shown: list[Finding] = []
    with counting("objects", "found") as count:
        for finding in made.run():
            if not limit or len(shown) < limit:
                shown.append(finding)
            if mending:
                mending.take(finding)
            count(made.tally.objects, made.tally.found.total())
    return shown


def _repair(stage: Stage, names: Names, rate: float | None, *, keep_orphans: bool) -> Repair:
    send = sending(stage, author="audit", rate=rate, depth=0)
    s3 = stage.client("s3")
    return Repair(s3, stage.uploads_bucket, stage.variants_bucket, names, send, keep_orphans)


def _refuse_an_empty_bucket(stage: Stage, *, keep_orphans: bool) -> None:
    """Where no source is, every variant is an orphan: that is more often a mistake than an order."""
    if not keep_orphans and not next(
        iter(listed(stage.client("s3"), stage.uploads_bucket, stage.uploads_prefix)), None
    ):
        raise UsageError(
            f"{stage.uploads_bucket}/{stage.uploads_prefix} is empty, and --repair would delete every variant: "
            "give --keep-orphans, or remove them yourself"
        )


def _say_what_is_left_out(stage: Stage, names: Names) -> None:
    answer = stage.client("s3").list_objects_v2(Bucket=stage.variants_bucket, Delimiter="/")
    folders = {each["Prefix"].rstrip("/") for each in answer.get("CommonPrefixes", ())}
    if unknown := sorted(folders - names.formats.keys()):
        words().print(f"not looked into, for today's recipe has no such variants: {', '.join(unknown)}")


def _print(tally: Tally, shown: list[Finding]) -> None:
    if shown:
        paper().print(table(("what", "object", "detail"), ((each.kind, each.key, each.detail) for each in shown)))
    if (more := tally.found.total() - len(shown)) > 0:
        words().print(f"and {more:,} more: see them with --limit 0")
    words().print(_summary(tally))


def _tell(done: Done, *, would: bool) -> None:
    begin = "would be" if would else "were"
    kept = f", {done.kept:,} kept" if done.kept else ""
    words().print(f"{done.sent:,} messages {begin} sent, {done.removed:,} variants {begin} deleted{kept}")
    for key, why in done.left.items():
        words().print(f"left: {key}: {why}")


def _summary(tally: Tally) -> str:
    again = f" ({tally.rendered:,} rendered again)" if tally.rendered else ""
    looked = f"{tally.objects:,} objects{again} and {tally.variants:,} variants"
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in tally.found.items())
    fine = ", ".join(f"{count:,} {kind}" for kind, count in tally.fine.items())
    found = f"{tally.found.total():,} found ({kinds})" if kinds else "nothing found"
    return f"{looked}: {found}" + (f"; {fine}" if fine else "")


def _document(tally: Tally, shown: list[Finding], done: Done | None) -> dict[str, Any]:
    document: dict[str, Any] = {
        "objects": tally.objects,
        "variants": tally.variants,
        "found": {str(kind): count for kind, count in tally.found.items()},
        "fine": {str(kind): count for kind, count in tally.fine.items()},
        "findings": [{"what": str(each.kind), "key": each.key, "detail": each.detail} for each in shown],
    }
    if tally.rendered:
        document["rendered"] = tally.rendered
    if done is None:
        return document
    return document | {"repair": {"sent": done.sent, "removed": done.removed, "kept": done.kept, "left": done.left}}
