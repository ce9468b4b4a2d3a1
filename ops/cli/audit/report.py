"""What an audit prints: its findings and how many of each kind, and what was repaired."""

from dataclasses import asdict, dataclass
from typing import Any

from ops.cli.audit.judge import AuditTotals, Finding
from ops.cli.audit.progress import document_of
from ops.cli.audit.repair import Repaired
from ops.cli.queues import Depth
from ops.cli.tables import advise, table
from ops.cli.terminal import many, print_json, stderr, stdout


@dataclass(frozen=True, slots=True)
class Queues:
    """What an audit has not seen the end of: messages of the uploads queue, and of the dead-letter queue.

    ``why`` is the command that shows why messages are in the latter.
    """

    queue: Depth
    dead_letters: int
    why: str


def report(
    totals: AuditTotals, shown: list[Finding], done: Repaired | None, queues: Queues, *, would: bool, as_json: bool
) -> None:
    """Print it all.

    Args:
        would: whether the repairs were only counted.
    """
    if as_json:
        print_json(_document(totals, shown, done, queues, would=would))
    else:
        _print(totals, shown, done, would=would)
        _print_queues(queues)


def _print(totals: AuditTotals, shown: list[Finding], done: Repaired | None, *, would: bool) -> None:
    if shown:
        rows = ((each.kind, each.key, each.detail) for each in shown)
        stdout().print(table(("what", "object", "detail"), rows, whole=("object",), prose=("detail",)))
    if (more := totals.found.total() - len(shown)) > 0:
        stderr().print(f"and {more:,} more: print them with --limit 0, or write them with --out")
    stderr().print(_summary(totals))
    if done is not None:
        _print_repair(done, would=would)


def _print_queues(queues: Queues) -> None:
    """What may end differently from what was found, or has ended and is not in the buckets."""
    if queues.queue.total:
        waiting = many(queues.queue.waiting + queues.queue.delayed, "message")
        stderr().print(
            f"The uploads queue holds {waiting} and {queues.queue.in_flight:,} in flight: audit again once it is empty."
        )
    if queues.dead_letters:
        dead = many(queues.dead_letters, "message")
        advise(f"The dead-letter queue holds {dead}. To see why: {queues.why}")


def _print_repair(done: Repaired, *, would: bool) -> None:
    would_be = "would be " if would else ""
    kept = f", {done.kept:,} kept" if done.kept else ""
    stderr().print(
        f"{many(done.sent, 'message')} {would_be}sent, {many(done.removed, 'variant')} {would_be}deleted{kept}"
    )
    for key, why in done.left.items():
        stderr().print(f"not repaired: {key}: {why}")
    if (more := done.left_count - len(done.left)) > 0:
        stderr().print(f"and {more:,} more were not repaired")


def _summary(totals: AuditTotals) -> str:
    again = f" ({totals.rendered:,} rendered again)" if totals.rendered else ""
    checked = f"{many(totals.objects, 'object')}{again} and {many(totals.variants, 'variant')}"
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in totals.found.items())
    fine = ", ".join(f"{count:,} {kind}" for kind, count in totals.fine.items())
    found = f"{totals.found.total():,} found ({kinds})" if kinds else "nothing found"
    return f"{checked}: {found}" + (f"; {fine}" if fine else "")


def _document(
    totals: AuditTotals, shown: list[Finding], done: Repaired | None, queues: Queues, *, would: bool
) -> dict[str, Any]:
    document: dict[str, Any] = {
        "objects": totals.objects,
        "variants": totals.variants,
        "found": {str(kind): count for kind, count in totals.found.items()},
        "fine": {str(kind): count for kind, count in totals.fine.items()},
        "findings": [document_of(each) for each in shown],
        "queue": asdict(queues.queue),
        "dead_letters": queues.dead_letters,
    }
    if totals.rendered:
        document["rendered"] = totals.rendered
    if done is None:
        return document
    return document | {"repair": {"dry_run": would} | asdict(done)}
