"""What is shown of an upload: progress, what became of the files, how the objects ended; and all that as JSON."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from rich.filesize import decimal
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from ops.cli.folders import OddFile
from ops.cli.follow import End
from ops.cli.stage import Stage
from ops.cli.tables import Grid, advise, table
from ops.cli.terminal import stderr, stdout
from ops.cli.upload.files import Chosen
from ops.cli.upload.run import LEFT, Result, Verdict

SENTENCES = {
    Verdict.FAILED: "These failed; the same command uploads them, and what was not tried",
    Verdict.REFUSED: "The consumer would refuse these (--all uploads them nevertheless)",
}


@dataclass(frozen=True, slots=True)
class Summary:
    """What became of everything.

    Args:
        by_digest: files that were compared by SHA-256, since the object's ETag did not tell.
        ends: None when they were not waited for.
    """

    results: Sequence[Result]
    left_out: int
    seconds: float
    dry_run: bool
    by_digest: int = 0
    ends: Sequence[End[Result]] | None = None
    odd: Sequence[OddFile] = ()

    @property
    def complete(self) -> bool:
        """Whether every file is in the bucket, none was odd, and every end that was waited for is a good one."""
        good = not self.odd and all(end.is_good for end in self.ends or ())
        return good and not any(result.verdict in LEFT for result in self.results)

    def having(self, verdict: Verdict) -> list[Result]:
        """The results with this verdict."""
        return [result for result in self.results if result.verdict is verdict]

    def bytes_of(self, verdict: Verdict) -> int:
        """Bytes of the files with this verdict."""
        return sum(result.file.size for result in self.having(verdict))

    def outcomes(self) -> dict[str, int]:
        """How many objects ended how, the most frequent first."""
        names = (f"{end.name}: {end.cause}" if end.has_failed and end.cause else end.name for end in self.ends or ())
        return dict(Counter(names).most_common())


def show(summary: Summary, stage: Stage) -> None:
    """Tables on standard output; what is left by name, and what to do about it, on standard error."""
    for each in summary.odd:
        stderr().print(f"skipped: {each.path} {each.why}")
    for verdict, sentence in SENTENCES.items():
        if found := summary.having(verdict):
            stderr().print(f"{sentence}:")
            for result in found:
                stderr().print(f"  {result.file.path}: {result.why}")
    for sentence in next_steps(summary, stage):
        advise(sentence)
    stdout().print(_files(summary))
    if summary.ends is not None:
        stdout().print()
        outcomes = [(name, f"{count:,}") for name, count in summary.outcomes().items()]
        stdout().print(table(("outcome", "count"), outcomes, right=("count",)))


def next_steps(summary: Summary, stage: Stage) -> Iterator[str]:
    """What there is to know or to do, as sentences."""
    if summary.by_digest:
        yield (
            f"{summary.by_digest:,} compared by SHA-256, with one HEAD each: the ETag did not tell the content "
            "(a KMS key, parts of another size), or it is another content."
        )
    if any(end.has_failed for end in summary.ends or ()):
        yield f"Some failed. To see the causes, and what to do: {stage.command('dlq', 'groups')}"
    if first := next((end.version.key for end in summary.ends or () if end.phase is None), ""):
        yield f"Some are not finished, as {first}. To see whether the queue is draining: {stage.command('status')}"
        missing = stage.command("backfill", "--missing")
        yield f"To process what was in the bucket before the stage was deployed: {missing}"


def _files(summary: Summary) -> Grid:
    rows = [
        (_name(verdict, summary.dry_run), f"{len(found):,}", decimal(summary.bytes_of(verdict)))
        for verdict in Verdict
        if (found := summary.having(verdict))
    ]
    others = [("not images, or ignored", f"{summary.left_out:,}", "")] if summary.left_out else []
    return table(("files", "count", "size"), [*rows, *others], right=("count", "size"))


def as_json(summary: Summary) -> dict[str, Any]:
    """The same for programs; a dry run has the same names, and what it would upload is not counted as uploaded."""
    counts = {verdict.replace(" ", "_"): len(summary.having(verdict)) for verdict in Verdict}
    new = len(summary.having(Verdict.UPLOADED)), summary.bytes_of(Verdict.UPLOADED)
    uploaded, planned = ((0, 0), new) if summary.dry_run else (new, (0, 0))
    left = [
        {"file": str(result.file.path), "key": result.file.key, "verdict": result.verdict.value, "why": result.why}
        for result in summary.results
        if result.verdict in (Verdict.REFUSED, Verdict.FAILED)
    ]
    document = counts | {
        "uploaded": uploaded[0],
        "would_be_uploaded": planned[0],
        "dry_run": summary.dry_run,
        "no_images": summary.left_out,
        "compared_by_digest": summary.by_digest,
        "bytes_uploaded": uploaded[1],
        "bytes_to_upload": planned[1],
        "seconds": round(summary.seconds, 2),
        "left": left,
        "passed_over": [{"file": str(each.path), "why": each.why} for each in summary.odd],
    }
    return document if summary.ends is None else document | {"outcomes": summary.outcomes()}


class Shown:
    """A bar of files and bytes on a terminal. What needs no upload is no part of the bytes that remain."""

    def __init__(self, progress: Progress, chosen: Chosen) -> None:
        self._progress = progress
        self._total = chosen.size
        self._task = progress.add_task("", total=chosen.size, files=f"0/{len(chosen.files):,}")
        self._count = len(chosen.files)
        self._ended = 0

    def on_bytes(self, number: int) -> None:
        """So many more are in the bucket."""
        self._progress.advance(self._task, number)

    def on_result(self, result: Result) -> None:
        """A file has come to its end."""
        self._ended += 1
        if result.verdict is not Verdict.UPLOADED:
            self._total -= result.file.size
        self._progress.update(self._task, total=self._total, files=f"{self._ended:,}/{self._count:,}")


@contextmanager
def uploading(chosen: Chosen) -> Iterator[Shown]:
    """Show files, bytes, rate and time left while the block runs."""
    columns = (TextColumn("{task.fields[files]} files"), BarColumn(20), TextColumn("{task.percentage:>3.0f} %"))
    rates = (TransferSpeedColumn(), TimeRemainingColumn(compact=True))
    console = stderr()
    with Progress(*columns, *rates, console=console, transient=True, disable=not console.is_terminal) as progress:
        yield Shown(progress, chosen)


@contextmanager
def ending(count: int) -> Iterator[Callable[[End[Result]], None]]:
    """Show how many of the objects have come to their ends while the block runs."""
    columns = (TextColumn("ended"), BarColumn(20), MofNCompleteColumn(), TimeRemainingColumn(compact=True))
    console = stderr()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=count)
        yield lambda _end: progress.advance(task)


def _name(verdict: Verdict, dry_run: bool) -> str:
    return "would be uploaded" if dry_run and verdict is Verdict.UPLOADED else str(verdict)
