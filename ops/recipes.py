"""Today's recipe: the one of this checkout, which is what the next deployment makes."""

from pathlib import Path

from ops.errors import UsageError
from ops.stage import ROOT
from processing.errors import Misconfigured
from processing.recipe import Recipe, load


def read_recipe(file: Path | None = None) -> Recipe:
    """The recipe in a file; recipe.toml of this checkout when none is given.

    Raises:
        UsageError: it cannot be read, or says what cannot be done.
    """
    file = file or ROOT / "recipe.toml"
    try:
        return load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} cannot be read ({error}): name another file") from error
    except Misconfigured as error:
        raise UsageError(f"{file}: {error}") from error
