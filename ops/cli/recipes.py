"""The recipe of a stage, as it is deployed, and how the variants of an object compare with it."""

import hashlib
import tempfile
import zipfile
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from ops.cli.checkout import ROOT, is_checkout
from ops.cli.remote import open_remote
from ops.cli.stage import Stage
from ops.errors import UsageError
from processing.errors import Misconfigured, UnusableKey
from processing.ledger import Record
from processing.naming import ObjectPlan, plan_of
from processing.publisher import is_from, stands
from processing.recipe import Recipe, load
from processing.recipe.reading import LOGOS
from processing.storage.objects import Published

FILE: Final = "recipe.toml"


class VariantState(StrEnum):
    """What is under the key of a variant."""

    THERE = "there"
    OTHER_VERSION = "of another version"
    OUTDATED = "outdated"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class VariantPlan:
    """The variants that the current recipe makes of the uploads below ``prefix``."""

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
        """The variants, by name, that the record does not have as made by the current recipe."""
        return record.to_make(self.of(record.version.key))

    def known(self, record: Record) -> int:
        """How many variants the record has under the current keys; the consumer sends a HEAD for each."""
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


def recipe_of(stage: Stage) -> Recipe:
    """The recipe that a stage was deployed with, with its logos.

    It is read from the consumer's package, unless it is the one of this checkout (or installed with this command).
    A stage that was deployed before it had the output RecipeVersion is taken to have that of the checkout.

    Raises:
        UsageError: this command cannot read it.
        StackError: the package cannot be downloaded.
    """
    own = stage.recipe_version == version_of_recipe(ROOT) or (not stage.recipe_version and is_checkout())
    return read_recipe() if own else _packaged(stage)


def version_of_recipe(folder: Path) -> str:
    """The version of the recipe and the logos in a folder, as resources/derived.cjs computes it for the stack."""
    logos = (path for path in (folder / LOGOS).rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    files = (folder / FILE, *logos)
    digest = hashlib.sha256()
    for name, path in sorted((path.relative_to(folder).as_posix(), path) for path in files):
        content = path.read_bytes()
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:12]


def read_recipe(file: Path | None = None) -> Recipe:
    """The recipe in a file; recipe.toml of this checkout when none is given.

    Raises:
        UsageError: it cannot be read, or is not valid.
    """
    return _read(file or ROOT / FILE, ROOT)


def _packaged(stage: Stage) -> Recipe:
    """Out of the consumer's package."""
    answer = stage.client("lambda").get_function(FunctionName=stage.consumer)
    package = open_remote(answer["Code"]["Location"], answer["Configuration"]["CodeSize"])
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(package) as archive:
        names = [name for name in archive.namelist() if name == FILE or name.startswith(f"{LOGOS}/")]
        archive.extractall(folder, names)
        try:
            return _read(Path(folder) / FILE, Path(folder))
        except UsageError as error:
            advice = "use the darkroom command of the version that was deployed"
            raise UsageError(f"the recipe that {stage.name} was deployed with: {error.__cause__}; {advice}") from error


def _read(file: Path, folder: Path) -> Recipe:
    try:
        return load(file.read_text(encoding="utf-8"), folder=folder)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} cannot be read ({error}): name another file") from error
    except Misconfigured as error:
        raise UsageError(f"{file}: {error}") from error
