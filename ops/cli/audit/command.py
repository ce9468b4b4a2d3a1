"""``darkroom audit`` on the command line: its options, what it prints, and its exit code."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import typer

from ops.cli.audit.judge import Finding, Judge, OrphanJudge
from ops.cli.audit.keys import Names
from ops.cli.audit.progress import AuditProgress, FindingsFile
from ops.cli.audit.repair import Repair, Repaired, RepairPlan
from ops.cli.audit.report import Queues, report
from ops.cli.audit.rerender import CaseSample, Rerender, sandbox
from ops.cli.audit.run import Audit
from ops.cli.backfill.command import below
from ops.cli.backfill.sending import sender_for
from ops.cli.backfill.sources import listed
from ops.cli.backfill.wanted import Records
from ops.cli.checkpoint import Checkpoint
from ops.cli.queues import depth_of, longest_wait
from ops.cli.recipes import VariantPlan, recipe_of
from ops.cli.settings import Consumer
from ops.cli.stage import Stage, on_stage
from ops.cli.terminal import AsJson, DryRun, counting, many, stderr
from ops.errors import UsageError
from processing.ledger import ImagesTable

SHOWN: Final = 1000

PrefixOption = Annotated[str, typer.Option(help="Only uploads below this.", show_default="the stage's own")]
DeepOption = Annotated[bool, typer.Option("--deep", help="Check every variant with a HEAD request.")]
RenderOption = Annotated[
    int,
    typer.Option("--render", min=0, help="Render this many finished objects again, chosen at random, and compare."),
]
RepairOption = Annotated[
    bool,
    typer.Option(
        "--repair", help="Send objects whose variants have to be made, and delete variants that should not exist."
    ),
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
    float | None, typer.Option(min=0.1, help="With --repair: messages a second.", show_default="unlimited")
]
GraceOption = Annotated[
    int | None,
    typer.Option(
        min=0,
        help="Minutes an upload may wait, while the queue holds messages.",
        show_default="the queue's visibility timeout and the delays of all retries",
    ),
]
OutOption = Annotated[Path | None, typer.Option("--out", "-o", help="Write every finding to this file, as JSON lines.")]
CheckpointOption = Annotated[
    Path | None, typer.Option(help="With --out: a file for its progress; the same command resumes from it.")
]
LimitOption = Annotated[int, typer.Option(min=0, help="Print at most this many findings; 0 for all.")]


@on_stage
def audit(
    stage: Stage,
    prefix: PrefixOption = "",
    deep: DeepOption = False,
    render: RenderOption = 0,
    repair: RepairOption = False,
    keep_orphans: KeepOption = None,
    rate: RateOption = None,
    grace: GraceOption = None,
    limit: LimitOption = SHOWN,
    out: OutOption = None,
    checkpoint: CheckpointOption = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Compare the uploads bucket, the images table and the variants bucket, object by object.

    Reports variants that are missing, stale or without a source; uploads that are not DONE; and uploads that are
    DONE with other variants than those of the current recipe ("outdated", with the variants to make). Rejected
    uploads are counted separately, as are those that wait for a retry and archived ones that are not done. A
    variant is stale if it was made from another version or with other settings: those that are older than their
    source, or differ from the recorded size, are checked; with --deep, all are. Before a variant is reported as
    missing or orphaned, it is requested once more. With `removals` off, orphans are reported and, by default, kept.

    With --render, a sample of the objects without other findings is rendered here, in a sandbox like the function's,
    and compared with the published variants: no other check finds a wrong picture. Other versions of the image
    libraries than the deployed ones may produce other bytes. Repair deletes wrong pictures and sends their sources.

    Exit code 0 when nothing was found or all of it was repaired, else 1. Audit again once the queue is empty.

    Examples:

    darkroom audit --prefix images/2026/ --deep --render 200 --json

    darkroom audit --repair --out findings.jsonl --checkpoint audit.json
    """
    options = {"deep": deep, "repair": repair, "dry_run": dry_run, "keep_orphans": keep_orphans, "out": out}
    kept, start = _start(stage, prefix, checkpoint, options, can_resume=bool(out and not render))
    made = _audit(stage, prefix, start, deep=deep, grace=grace, render=render)
    repairing = _repair(stage, made.names, rate, keep_orphans, start, dry_run=dry_run) if repair else None
    with _findings(out, start, kept) as file:
        shown, done = _run(made, repairing, limit, file, kept)
    report(made.totals, shown, done, _queues(stage), would=dry_run, as_json=as_json)
    if made.totals.found and (done is None or dry_run or done.left_count):
        raise typer.Exit(1)


def _queues(stage: Stage) -> Queues:
    sqs = stage.client("sqs")
    return Queues(depth_of(sqs, stage.queue_url), depth_of(sqs, stage.dlq_url).total, stage.command("dlq", "groups"))


def _start(
    stage: Stage, prefix: str, checkpoint: Path | None, options: Mapping[str, object], *, can_resume: bool
) -> tuple[Checkpoint[AuditProgress], AuditProgress]:
    """The checkpoint, and where to begin."""
    if checkpoint and not can_resume:
        raise UsageError("--checkpoint needs --out, for the findings of an earlier run, and no --render")
    of = {"stage": stage.name, "bucket": stage.uploads_bucket, "prefix": prefix}
    kept = Checkpoint(checkpoint, of | {name: str(value) for name, value in options.items()}, AuditProgress())
    start = kept.read()
    if start.after:
        stderr().print(f"resuming after {start.after}: {many(start.objects, 'object')} already audited")
    return kept, start


@contextmanager
def _findings(out: Path | None, start: AuditProgress, kept: Checkpoint[AuditProgress]) -> Iterator[FindingsFile | None]:
    if out is None:
        yield None
        return
    resumed = kept.exists
    if not resumed and out.exists():
        raise UsageError(f"{out} is there already: name another file with --out, or the --checkpoint of that audit")
    kept.write(start)  # or the file of a run that dies before its first page would be taken for another's
    with FindingsFile(out, start.written, resumed=resumed) as file:
        yield file


def _audit(stage: Stage, prefix: str, start: AuditProgress, *, deep: bool, grace: int | None, render: int) -> Audit:
    plan, prefix = VariantPlan(recipe_of(stage), stage.uploads_prefix), below(stage, prefix)
    s3, images = stage.client("s3"), ImagesTable(stage.client("dynamodb"), stage.images_table)
    names = Names(stage.uploads_prefix, {spec.name: spec.format for spec in plan.recipe.variants})
    _print_other_folders(stage, names)
    uploads, variants = stage.uploads_bucket, stage.variants_bucket
    sqs = stage.client("sqs")
    queued = depth_of(sqs, stage.queue_url).total > 0
    wait = grace * 60 if grace is not None else longest_wait(sqs, stage.queue_url)
    return Audit(
        sources=listed(s3, uploads, prefix, after=start.after),
        list_variants=lambda where, after: listed(s3, variants, where, after=after),
        below=prefix.removeprefix(stage.uploads_prefix),
        names=names,
        records=Records(images, uploads),
        judge=Judge(s3, variants, plan, wait, queued, deep, time.time),
        orphans=OrphanJudge(s3, uploads, variants, names, images, plan),
        rerender=Rerender(s3, uploads, variants, plan, CaseSample(render), sandbox),
        after=start.after,
        totals=start.totals(),
    )


def _run(
    made: Audit,
    repairing: Repair | RepairPlan | None,
    limit: int,
    file: FindingsFile | None,
    kept: Checkpoint[AuditProgress],
) -> tuple[list[Finding], Repaired | None]:
    """Repair and write each finding, and keep the progress; returns the findings to print, and what was repaired."""
    shown: list[Finding] = []

    def keep(after: str) -> None:
        repaired = repairing.finish() if repairing else None
        kept.write(AuditProgress.of(after, file.flush() if file else 0, made.totals, repaired))
        count(made.totals.objects, made.totals.found.total())

    made.on_settled = keep
    with counting("objects", "found") as count:
        for finding in made.run():
            if not limit or len(shown) < limit:
                shown.append(finding)
            if file:
                file.take(finding)
            if repairing:
                repairing.take(finding)
    done = repairing.finish() if repairing else None
    kept.remove()
    return shown, done


def _repair(
    stage: Stage, names: Names, rate: float | None, keep_orphans: bool | None, start: AuditProgress, *, dry_run: bool
) -> Repair | RepairPlan:
    keep = keep_orphans if keep_orphans is not None else not Consumer.of(stage).removals
    _refuse_an_empty_bucket(stage, keep_orphans=keep)
    if dry_run:
        return RepairPlan(keep, Repaired(**start.repaired))
    send = sender_for(stage, author="audit", rate=rate, depth=0)
    s3 = stage.client("s3")
    return Repair(s3, stage.uploads_bucket, stage.variants_bucket, names, send, keep, Repaired(**start.repaired))


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
        stderr().print(f"Not audited, because the current recipe has no such variants: {', '.join(unknown)}")
