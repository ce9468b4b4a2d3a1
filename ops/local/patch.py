"""One thing that moto lacks: looked for, and put in place where it is missing."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

Replace = Callable[[Any, str, Any], None]
Make = Callable[[Any], Any]
"""Makes the replacement out of what moto has."""


class PatchError(RuntimeError):
    """moto neither does what a patch adds nor has what the patch builds on."""


@dataclass(frozen=True)
class Patch:
    """One thing that moto lacks.

    Args:
        adds: what it adds, in a few words.
        is_in_moto: whether moto does that by now.
        replaces: owner, name and how to make the replacement.
        new: owner, name and value of what moto has not at all.
        uses: owner (a class, a module or an instance) and name of what the replacements build on.
    """

    adds: str
    is_in_moto: Callable[[], bool]
    replaces: Sequence[tuple[Any, str, Make]] = ()
    new: Sequence[tuple[Any, str, Any]] = ()
    uses: Sequence[tuple[Any, str]] = ()

    def is_needed(self) -> bool:
        """Whether moto lacks this.

        Raises:
            PatchError: it does, or nobody can tell, and it lacks a name that the patch builds on.
        """
        try:
            if self.is_in_moto():
                return False
        except Exception as error:
            raise PatchError(f"nothing tells whether moto has {self.adds}: {error}; see moto_probes.py") from error
        names = [*self.uses, *((owner, name) for owner, name, _ in self.replaces)]
        if missing := [f"{_name(owner)}.{name}" for owner, name in names if not hasattr(owner, name)]:
            raise PatchError(f"moto has neither {self.adds} nor {', '.join(missing)}: fix ops/local/moto_patches.py")
        return True

    def apply(self, replace: Replace) -> None:
        """Put the replacements in place."""
        for owner, name, make in self.replaces:
            replace(owner, name, make(getattr(owner, name)))
        for owner, name, value in self.new:
            replace(owner, name, value)


def _name(owner: Any) -> str:
    return getattr(owner, "__name__", None) or type(owner).__name__
