"""Today's recipe, the one of this checkout, and how the variants of an object compare with it."""

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from ops.cli.stage import ROOT, Stage
from ops.cli.terminal import stderr
from ops.errors import UsageError
from processing.errors import Misconfigured, UnusableKey
from processing.ledger import Record
from processing.naming import ObjectPlan, plan_of
from processing.publisher import is_from, stands
from processing.recipe import Recipe, load
from processing.storage.objects import Published


class VariantState(StrEnum):
    """What is under the key of a variant."""

    THERE = "there"
    OTHER_VERSION = "of another version"
    OUTDATED = "outdated"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class VariantPlan:
    """The variants that today's recipe makes of the uploads below ``prefix``."""

    recipe: Recipe
    prefix: str

    def ignores(self, key: str, size: int | None = None) -> bool:
        """Whether the consumer ignores an object, as `Recipe.ignores`."""
        return self.recipe.ignores(key.removeprefix(self.prefix), size)

    def of(self, key: str) -> ObjectPlan:
        """What is made of an object; without keys where the object's key cannot be given to variants."""
        try:
            return plan_of(self.recipe, key, prefix=self.prefix)
        except UnusableKey:
            return ObjectPlan(self.recipe, {})

    def to_make(self, record: Record) -> list[str]:
        """The variants, by name, that the record does not have as made by today's recipe."""
        return record.to_make(self.of(record.version.key))

    def known(self, record: Record) -> int:
        """How many variants the record has under today's keys; the consumer sends a HEAD for each."""
        keys = self.of(record.version.key).keys
        return sum(keys.get(each.name) == each.key for each in record.variants)

    def state(self, name: str, seen: Published | None, *, key: str, etag: str, record: Record | None) -> VariantState:
        """How a variant of the object ``key``, in its version ``etag``, is stored.

        Equal bytes are not stored again: an object may carry an older fingerprint, and then the record has it too.
        """
        if seen is None:
            return VariantState.MISSING
        if not is_from(seen, etag):
            return VariantState.OTHER_VERSION
        spec = next((each for each in self.of(key).recipe.variants if each.name == name), None)
        made = next((each for each in record.variants if each.name == name), None) if record else None
        if spec is None or spec.is_current(seen.fingerprint):
            return VariantState.THERE
        return VariantState.THERE if made and stands(made, seen, spec, etag) else VariantState.OUTDATED


def recipe_for(stage: Stage) -> Recipe:
    """This checkout's recipe, for a command on a deployed stage; a stage that has another one is warned of.

    Raises:
        UsageError: it cannot be read, or is not valid.
    """
    own = recipe_version()
    if stage.recipe_version and stage.recipe_version != own:
        stderr().print(
            f"warning: {stage.name} was deployed with the recipe {stage.recipe_version}, and this checkout has {own}: "
            "what follows is by this checkout's"
        )
    return read_recipe()


def recipe_version(root: Path = ROOT) -> str:
    """The version of a checkout's recipe: of recipe.toml and its logos, as resources/derived.cjs makes it."""
    logos = (path for path in (root / "logos").rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    digest = hashlib.sha256()
    for name in sorted(path.relative_to(root).as_posix() for path in (root / "recipe.toml", *logos)):
        content = (root / name).read_bytes()
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:12]


def read_recipe(file: Path | None = None) -> Recipe:
    """The recipe in a file; recipe.toml of this checkout when none is given.

    Raises:
        UsageError: it cannot be read, or is not valid.
    """
    file = file or ROOT / "recipe.toml"
    try:
        return load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} cannot be read ({error}): name another file") from error
    except Misconfigured as error:
        raise UsageError(f"{file}: {error}") from error
