"""What the doctor prints: progress, a table, and a document that may be pasted into an issue."""

import platform
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final

import boto3
import botocore
from rich.text import Text

from ops.cli.doctor.checkup import Checkup
from ops.cli.doctor.results import CheckResult, CheckStatus
from ops.cli.tables import Grid, table
from ops.cli.terminal import stderr, visible

STYLES: Final = {
    CheckStatus.OK: "green",
    CheckStatus.WARN: "yellow",
    CheckStatus.FAIL: "red",
    CheckStatus.SKIPPED: "dim",
}


@contextmanager
def progress() -> Iterator[Callable[[str], None]]:
    """Name the check that runs: in place on a terminal, else a line for each."""
    console = stderr()
    if not console.is_terminal:
        yield lambda name: console.print(f"checking: {name}")
        return
    with console.status("") as status:
        yield lambda name: status.update(f"checking: {name}")


def page(results: Sequence[CheckResult]) -> Grid:
    """One row a check; what to do about it is below what was found."""
    return table(("check", "result", "found"), [_row(result) for result in results], prose=("found",))


def summary(results: Sequence[CheckResult], *, is_before: bool) -> str:
    """The last line."""
    counts = Counter(result.status for result in results)
    listed = ", ".join(f"{counts[status]} {status}" for status in CheckStatus if counts[status])
    if counts[CheckStatus.FAIL]:
        return f"Not {'ready for a deployment' if is_before else 'healthy'}: {listed}."
    return f"{'Ready for a deployment' if is_before else 'Healthy'}: {listed}."


def document(checkup: Checkup, results: Sequence[CheckResult], *, is_before: bool) -> dict[str, Any]:
    """The same for programs and for issues."""
    return {
        "stage": checkup.name,
        "region": checkup.region,
        "at": datetime.fromtimestamp(checkup.clock(), UTC).isoformat(timespec="seconds"),
        "deployment": "before" if is_before else "after",
        "healthy": is_healthy(results),
        "here": {
            "python": platform.python_version(),
            "system": f"{sys.platform} {platform.machine()}",
            "boto3": boto3.__version__,
            "botocore": botocore.__version__,
        },
        "checks": [_entry(result) for result in results],
    }


def is_healthy(results: Sequence[CheckResult]) -> bool:
    """Whether nothing failed."""
    return all(result.status is not CheckStatus.FAIL for result in results)


def _row(result: CheckResult) -> tuple[str, Text, Text]:
    found = Text(visible(result.sentence))
    if result.advice:
        found.append(f"\n> {visible(result.advice)}", "dim")
    return result.name, Text(result.status, STYLES[result.status]), found


def _entry(result: CheckResult) -> dict[str, Any]:
    return {
        "name": result.name,
        "status": result.status,
        "found": result.sentence,
        "advice": result.advice,
        "seconds": result.seconds,
        "facts": dict(result.facts),
    }
