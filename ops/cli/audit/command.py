"""``darkroom audit`` on the command line: its options, what it prints, and its exit code."""

import time
from typing import Annotated, Any, Final

import typer

from ops.cli.audit.judge import AuditTotals, Finding, Judge, OrphanJudge
from ops.cli.audit.keys import Names
from ops.cli.audit.repair import Repair, Repaired, RepairPlan
from ops.cli.audit.rerender import CaseSample, Rerender, sandbox
from ops.cli.audit.run import Audit
from ops.cli.backfill.command import below
from ops.cli.backfill.sending import sender_for
from ops.cli.backfill.sources import listed
from ops.cli.backfill.wanted import Records
from ops.cli.queues import depth_of
from ops.cli.recipes import VariantPlan, read_recipe
from ops.cli.settings import Consumer
from ops.cli.stage import Stage, on_stage
from ops.cli.terminal import AsJson, DryRun, counting, print_json, stderr, stdout, table
from ops.errors import UsageError
from processing.ledger import ImagesTable

SHOWN: Final = 1000

PrefixOption = Annotated[str, typer.Option(help="Only uploads below this.", show_default="the stage's own")]
DeepOption = Annotated[bool, typer.Option("--deep", help="Check every variant with a HEAD request.")]
RenderOption = Annotated[
    int,
    typer.Option("--render", min=0, help="Render so many finished objects again, chosen at random, and compare."),
]
RepairOption = Annotated[
    bool, typer.Option("--repair", help="Send what has to be made, and delete variants that should not exist.")
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
GraceOption = Annotated[int, typer.Option(min=0, help="Minutes an upload may wait, while the queue holds messages.")]
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

    Reports variants that are missing, stale or without a source; uploads that are not DONE; and uploads that are DONE
    with other variants than today's recipe makes ("outdated", with the variants to make). Rejected uploads are counted
    separately, and so are archived ones that are not done. A variant is stale when it was made from another version or
    by other settings: those that are older than their source, or of another size than recorded, are checked; with
    --deep all. Before a variant is reported as missing or orphaned, it is requested once more. Where the stage's
    `removals` is off, variants of a source that was deleted or has expired are reported and, by default, kept.

    With --render a sample of the objects that nothing else is wrong with is rendered here, in a sandbox like the
    function's, and compared with what is published: nothing else finds a wrong picture. Other versions of the image
    libraries than the deployed ones may give other bytes. Repair deletes wrong pictures and sends their sources.

    Exit code 0 when nothing was found or all of it was repaired, else 1. Audit again once the queue is empty.

    Examples:

    darkroom audit --prefix images/2026/ --deep --render 200 --json

    darkroom audit --repair --dry-run
    """
    made = _audit(stage, prefix, deep=deep, grace=grace * 60, render=render)
    _print_other_folders(stage, made.names)
    repairing = _repair(stage, made.names, rate, keep_orphans, dry_run=dry_run) if repair else None
    shown = _run(made, repairing, limit)
    done = repairing.finish() if repairing else None
    if as_json:
        print_json(_document(made.totals, shown, done))
    else:
        _print(made.totals, shown, done, would=dry_run)
    if made.totals.found and (done is None or dry_run or done.left):
        raise typer.Exit(1)


def _audit(stage: Stage, prefix: str, *, deep: bool, grace: float, render: int) -> Audit:
    plan, prefix = VariantPlan(read_recipe(), stage.uploads_prefix), below(stage, prefix)
    s3, images = stage.client("s3"), ImagesTable(stage.client("dynamodb"), stage.images_table)
    names = Names(stage.uploads_prefix, {spec.name: spec.format for spec in plan.recipe.variants})
    uploads, variants = stage.uploads_bucket, stage.variants_bucket
    queued = depth_of(stage.client("sqs"), stage.queue_url).total > 0
    return Audit(
        sources=listed(s3, uploads, prefix),
        list_variants=lambda where: listed(s3, variants, where),
        below=prefix.removeprefix(stage.uploads_prefix),
        names=names,
        records=Records(images, uploads),
        judge=Judge(s3, variants, plan, grace, queued, deep, time.time),
        orphans=OrphanJudge(s3, uploads, variants, names, images, plan),
        rerender=Rerender(s3, uploads, variants, plan, CaseSample(render), sandbox),
    )


def _run(made: Audit, repairing: Repair | RepairPlan | None, limit: int) -> list[Finding]:
    """Repair each finding, and count on the terminal; returns those to print."""
    shown: list[Finding] = []
    with counting("objects", "found") as count:
        for finding in made.run():
            if not limit or len(shown) < limit:
                shown.append(finding)
            if repairing:
                repairing.take(finding)
            count(made.totals.objects, made.totals.found.total())
    return shown


def _repair(
    stage: Stage, names: Names, rate: float | None, keep_orphans: bool | None, *, dry_run: bool
) -> Repair | RepairPlan:
    keep = keep_orphans if keep_orphans is not None else not Consumer.of(stage).removals
    _refuse_an_empty_bucket(stage, keep_orphans=keep)
    if dry_run:
        return RepairPlan(keep)
    send = sender_for(stage, author="audit", rate=rate, depth=0)
    s3 = stage.client("s3")
    return Repair(s3, stage.uploads_bucket, stage.variants_bucket, names, send, keep)


def _refuse_an_empty_bucket(stage: Stage, *, keep_orphans: bool) -> None:
    """Where there is no source, every variant is an orphan: more often a mistake than what was meant."""
    if not keep_orphans and not next(
        iter(listed(stage.client("s3"), stage.uploads_bucket, stage.uploads_prefix)), None
    ):
        raise UsageError(
            f"{stage.uploads_bucket}/{stage.uploads_prefix} is empty, and --repair would delete every variant: "
            "give --keep-orphans, or remove them yourself"
        )


def _print_other_folders(stage: Stage, names: Names) -> None:
    answer = stage.client("s3").list_objects_v2(Bucket=stage.variants_bucket, Delimiter="/")
    folders = {each["Prefix"].rstrip("/") for each in answer.get("CommonPrefixes", ())}
    if unknown := sorted(folders - names.formats.keys()):
        stderr().print(f"Not audited, since today's recipe has no such variants: {', '.join(unknown)}")


def _print(totals: AuditTotals, shown: list[Finding], done: Repaired | None, *, would: bool) -> None:
    if shown:
        stdout().print(table(("what", "object", "detail"), ((each.kind, each.key, each.detail) for each in shown)))
    if (more := totals.found.total() - len(shown)) > 0:
        stderr().print(f"and {more:,} more: print them with --limit 0")
    stderr().print(_summary(totals))
    if done is not None:
        _print_repair(done, would=would)


def _print_repair(done: Repaired, *, would: bool) -> None:
    begin = "would be" if would else "were"
    kept = f", {done.kept:,} kept" if done.kept else ""
    stderr().print(f"{done.sent:,} messages {begin} sent, {done.removed:,} variants {begin} deleted{kept}")
    for key, why in done.left.items():
        stderr().print(f"not repaired: {key}: {why}")


def _summary(totals: AuditTotals) -> str:
    again = f" ({totals.rendered:,} rendered again)" if totals.rendered else ""
    checked = f"{totals.objects:,} objects{again} and {totals.variants:,} variants"
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in totals.found.items())
    fine = ", ".join(f"{count:,} {kind}" for kind, count in totals.fine.items())
    found = f"{totals.found.total():,} found ({kinds})" if kinds else "nothing found"
    return f"{checked}: {found}" + (f"; {fine}" if fine else "")


def _document(totals: AuditTotals, shown: list[Finding], done: Repaired | None) -> dict[str, Any]:
    document: dict[str, Any] = {
        "objects": totals.objects,
        "variants": totals.variants,
        "found": {str(kind): count for kind, count in totals.found.items()},
        "fine": {str(kind): count for kind, count in totals.fine.items()},
        "findings": [{"what": str(each.kind), "key": each.key, "detail": each.detail} for each in shown],
    }
    if totals.rendered:
        document["rendered"] = totals.rendered
    if done is None:
        return document
    return document | {"repair": {"sent": done.sent, "removed": done.removed, "kept": done.kept, "left": done.left}}
