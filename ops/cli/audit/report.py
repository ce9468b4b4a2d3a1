"""What an audit prints: its findings and how many of each kind, and what was repaired."""

from dataclasses import asdict
from typing import Any

from ops.cli.audit.judge import AuditTotals, Finding
from ops.cli.audit.progress import document_of
from ops.cli.audit.repair import Repaired
from ops.cli.terminal import print_json, stderr, stdout, table


def report(totals: AuditTotals, shown: list[Finding], done: Repaired | None, *, would: bool, as_json: bool) -> None:
    """Print it all.

    Args:
        would: whether the repairs were only counted.
    """
    if as_json:
        print_json(_document(totals, shown, done))
    else:
        _print(totals, shown, done, would=would)


def _print(totals: AuditTotals, shown: list[Finding], done: Repaired | None, *, would: bool) -> None:
    if shown:
        stdout().print(table(("what", "object", "detail"), ((each.kind, each.key, each.detail) for each in shown)))
    if (more := totals.found.total() - len(shown)) > 0:
        stderr().print(f"and {more:,} more: print them with --limit 0, or write them with --out")
    stderr().print(_summary(totals))
    if done is not None:
        _print_repair(done, would=would)


def _print_repair(done: Repaired, *, would: bool) -> None:
    begin = "would be" if would else "were"
    kept = f", {done.kept:,} kept" if done.kept else ""
    stderr().print(f"{done.sent:,} messages {begin} sent, {done.removed:,} variants {begin} deleted{kept}")
    for key, why in done.left.items():
        stderr().print(f"not repaired: {key}: {why}")
    if (more := done.left_count - len(done.left)) > 0:
        stderr().print(f"and {more:,} more were not repaired")


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
        "findings": [document_of(each) for each in shown],
    }
    if totals.rendered:
        document["rendered"] = totals.rendered
    if done is None:
        return document
    return document | {"repair": asdict(done)}
