"""Dead messages by their cause."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ops.cli.dlq.causes import Cause, Diagnosis


@dataclass(frozen=True, slots=True)
class Group:
    """The messages of one cause; there is at least one."""

    cause: Cause
    members: Sequence[Diagnosis]

    @property
    def first_death(self) -> float:
        """When the last attempt ended on the one that died first."""
        return min(each.died_at for each in self.members)

    @property
    def last_death(self) -> float:
        """The same of the one that died last."""
        return max(each.died_at for each in self.members)

    @property
    def attempts(self) -> int:
        """How many attempts were made on all of them."""
        return sum(each.attempts for each in self.members)

    @property
    def redriven(self) -> int:
        """How many of them have failed again after a redrive."""
        return sum(each.again for each in self.members)

    @property
    def code_versions(self) -> tuple[str, ...]:
        """With which versions of the code they failed."""
        return tuple(sorted({each.record.code_version for each in self.members if each.record}))

    @property
    def where(self) -> str:
        """The last frames of a bug; empty for any other cause."""
        record = self.example.record
        return record.reason.where if record and record.reason else ""

    @property
    def example(self) -> Diagnosis:
        """The one that died last."""
        return max(self.members, key=lambda each: (each.died_at, each.message.message_id))


def group(diagnoses: Iterable[Diagnosis]) -> list[Group]:
    """The messages by their cause, the largest group first."""
    found: dict[Cause, list[Diagnosis]] = {}
    for each in diagnoses:
        found.setdefault(each.cause, []).append(each)
    groups = [Group(cause, members) for cause, members in found.items()]
    return sorted(groups, key=lambda one: (-len(one.members), one.cause))
