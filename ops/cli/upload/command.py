"""``darkroom upload`` on the command line: its options, and its exit code."""

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from ops.cli.follow import End, Follower
from ops.cli.packaged import packaged_readers
from ops.cli.recipes import VariantPlan, recipe_of
from ops.cli.stage import Stage, on_stage
from ops.cli.terminal import AsJson, DryRun, print_json, stderr
from ops.cli.upload import report
from ops.cli.upload.content import FileFacts, Inspect, checked_by, unchecked
from ops.cli.upload.files import Chosen, Globs, LocalFile, Wanted, choose, images_of
from ops.cli.upload.present import Present
from ops.cli.upload.run import Bucket, Result, Uploader, Verdict
from ops.cli.upload.transfer import Transfer
from ops.errors import UsageError
from processing.ledger import ImagesTable, Version

STDIN = Path("-")
INTERRUPTED = "What was in transfer is uploaded; the same command uploads the rest."
FOLLOWED = "The files are in the bucket and are processed without this command; the same command follows them again."

PlacesArgument = Annotated[
    list[Path], typer.Argument(help="Folders, files, or - for names on stdin, one per line.", metavar="FOLDER|FILES|-")
]
PrefixOption = Annotated[str, typer.Option(help="A folder in the bucket, below the stage's prefix.")]
IncludeOption = Annotated[list[str] | None, typer.Option(help="Only names that match, as '*.jpg' or raw/2026/cat.jpg.")]
ExcludeOption = Annotated[list[str] | None, typer.Option(help="Skip names that match.")]
Everything = Annotated[
    bool,
    typer.Option(
        "--all", help="Upload every file, even those that are not images, or that the recipe refuses or ignores."
    ),
]
ThreadsOption = Annotated[int, typer.Option(min=1, max=64, help="Files at once.")]
WaitOption = Annotated[bool, typer.Option("--wait", help="Wait for each object's final status.")]
TimeoutOption = Annotated[
    float, typer.Option(min=1, help="With --wait: stop waiting after this many seconds without a final status.")
]


@on_stage
def upload(
    stage: Stage,
    places: PlacesArgument,
    prefix: PrefixOption = "",
    include: IncludeOption = None,
    exclude: ExcludeOption = None,
    everything: Everything = False,
    threads: ThreadsOption = 8,
    wait: WaitOption = False,
    timeout: TimeoutOption = 600,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Upload photos, many at once, and skip those that are there already.

    A file in a folder keeps its path below it. Interrupted at any moment, the same command continues: one
    listing of the bucket shows what is there, by ETag, or in a bucket under a KMS key by the SHA-256 that an upload
    stores with the object. Files that the recipe's limits would refuse are named and not uploaded.

    Exit code 0 when every file is in the bucket, and with --wait every object has succeeded; else 1.

    Examples:

    darkroom upload ~/Pictures/2026 --stage prod --prefix 2026

    darkroom upload ~/Pictures --stage prod --include 'IMG_*' --exclude raw/cat.jpg --dry-run

    darkroom upload cat.jpg dog.png --stage local --wait

    find . -name '*.tif' -newer last | darkroom upload - --stage prod --json
    """
    folder, globs = below(stage.uploads_prefix, prefix), Globs(include or (), exclude or ())
    plan = VariantPlan(recipe_of(stage), stage.uploads_prefix)
    chosen = _choose(places, folder, globs, (lambda _path, _key: True) if everything else images_of(plan))
    inspect = unchecked if everything else checked_by(plan)
    present = Present.of(stage.client("s3"), stage.uploads_bucket, chosen.files)
    began = time.monotonic()
    results = _run(stage, chosen, present, inspect, threads, dry_run=dry_run)
    seconds = time.monotonic() - began
    ends = _ends(stage, plan, results, timeout) if wait and not dry_run else None
    summary = report.Summary(results, chosen.left_out, seconds, dry_run, len(present.by_digest), ends, chosen.odd)
    _finish(summary, stage, as_json=as_json)


def _run(
    stage: Stage, chosen: Chosen, present: Present, inspect: Inspect, threads: int, *, dry_run: bool
) -> list[Result]:
    """Upload the chosen files, with a progress bar, until all are done or Ctrl-C."""
    with (
        _interruptible(INTERRUPTED),
        packaged_readers(),
        report.uploading(chosen) as shown,
        _bucket(stage, shown, dry_run=dry_run) as bucket,
    ):
        return Uploader(present, inspect, bucket, threads, shown.on_result).run(chosen.files)


def _finish(summary: report.Summary, stage: Stage, *, as_json: bool) -> None:
    """Print the result; exit code 1 when anything is left."""
    if as_json:
        print_json(report.as_json(summary))
    else:
        report.show(summary, stage)
    if not summary.complete:
        raise typer.Exit(1)


def _choose(places: Sequence[Path], folder: str, globs: Globs, wanted: Wanted) -> Chosen:
    """The files to upload, those that are named on standard input among them.

    Raises:
        UsageError: there is none.
    """
    listed = sys.stdin if STDIN in places else ()
    others = [place for place in places if place != STDIN]
    chosen = choose(others, listed, prefix=folder, globs=globs, wanted=wanted)
    if not chosen.files:
        odd = "".join(f"; {each.path} {each.why}" for each in chosen.odd)
        raise UsageError(f"nothing to upload: no file has the name of an image (--all uploads every file){odd}")
    return chosen


def below(prefix: str, folder: str) -> str:
    """What every key begins with: the stage's prefix, and a folder below it, which may be given with or without."""
    inner = folder.removeprefix(prefix).strip("/")
    return f"{prefix}{inner}/" if inner else prefix


@dataclass(frozen=True, slots=True)
class _Uploads:
    """The stage's uploads bucket."""

    transfer: Transfer
    on_bytes: Callable[[int], None]

    def put(self, file: LocalFile, facts: FileFacts, only_if: Mapping[str, str]) -> str:
        return self.transfer.put(file.path, file.key, facts, self.on_bytes, only_if=only_if)


class _Nowhere:
    """What --dry-run uploads to."""

    def put(self, _file: LocalFile, _facts: FileFacts, _only_if: Mapping[str, str]) -> str:
        return ""


@contextmanager
def _bucket(stage: Stage, shown: report.Shown, *, dry_run: bool) -> Iterator[Bucket]:
    if dry_run:
        yield _Nowhere()
        return
    with Transfer.to(stage.client("s3"), stage.uploads_bucket) as transfer:
        yield _Uploads(transfer, shown.on_bytes)


@contextmanager
def _interruptible(sentence: str) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        stderr().print(sentence)
        raise


def _ends(stage: Stage, plan: VariantPlan, results: Sequence[Result], timeout: float) -> list[End[Result]]:
    """How the objects ended that are in the bucket; what the consumer ignores has no end."""
    there = [result for result in results if result.verdict in (Verdict.UPLOADED, Verdict.THERE)]
    there = [result for result in there if not plan.ignores(result.file.key, result.file.size)]
    table = ImagesTable(stage.client("dynamodb"), stage.images_table)
    with _interruptible(FOLLOWED), report.ending(len(there)) as on_end:
        follower: Follower[Result] = Follower(table, on_end=on_end)
        for result in there:
            follower.add(result, Version(stage.uploads_bucket, result.file.key, result.etag))
        return follower.wait_for_all(timeout)
