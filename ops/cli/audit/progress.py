"""The file of findings, and the checkpoint with which an audit that ended in any way is gone on with."""

import json
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from ops.cli.audit.judge import AuditTotals, Finding, FindingKind, Fine
from ops.cli.audit.repair import Repaired
from ops.errors import UsageError


@dataclass(frozen=True, slots=True)
class AuditProgress:
    """Everything up to the source ``after`` is audited, and repaired where it was to be.

    Args:
        written: bytes of the file of findings.
        found, fine: counts by kind.
        repaired: the fields of `Repaired`.
    """

    after: str = ""
    written: int = 0
    objects: int = 0
    variants: int = 0
    found: dict[str, int] = field(default_factory=dict)
    fine: dict[str, int] = field(default_factory=dict)
    repaired: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, after: str, written: int, totals: AuditTotals, repaired: Repaired | None) -> Self:
        """The progress of a run."""
        found, fine = ({str(kind): n for kind, n in counts.items()} for counts in (totals.found, totals.fine))
        done = asdict(repaired) if repaired else {}
        return cls(after, written, totals.objects, totals.variants, found, fine, done)

    def totals(self) -> AuditTotals:
        """What the next run counts on from."""
        found = Counter({FindingKind(kind): count for kind, count in self.found.items()})
        fine = Counter({Fine(kind): count for kind, count in self.fine.items()})
        return AuditTotals(objects=self.objects, variants=self.variants, found=found, fine=fine)


class FindingsFile:
    """Findings as JSON lines, in a new file or behind what an earlier run of the same audit has written.

    Args:
        written: bytes that stay; what a killed run wrote behind them is found again.
        resumed: whether the file may be an earlier run's.

    Raises:
        UsageError: the file cannot be written, is there already, or is not the earlier run's.
    """

    def __init__(self, file: Path, written: int = 0, *, resumed: bool = False) -> None:
        try:
            if resumed and written > (file.stat().st_size if file.exists() else 0):
                raise UsageError(f"{file} is shorter than the checkpoint says: it is not the file of that audit")
            self._file: IO[bytes] = file.open("r+b" if resumed and file.exists() else "xb")
        except OSError as error:
            raise UsageError(f"{file} cannot be written ({error.strerror}): name another file with --out") from error
        self._file.truncate(written)
        self._file.seek(written)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._file.close()

    def take(self, finding: Finding) -> None:
        """Write one."""
        self._file.write(json.dumps(document_of(finding)).encode() + b"\n")

    def flush(self) -> int:
        """The bytes that are written, once they are out of this process."""
        self._file.flush()
        return self._file.tell()


def document_of(finding: Finding) -> dict[str, str]:
    """A finding for programs."""
    return {"what": str(finding.kind), "key": finding.key, "detail": finding.detail}
