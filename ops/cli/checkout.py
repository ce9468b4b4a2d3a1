"""What a command has of the project: a checkout of it, or the few files that are installed with the command."""

import importlib.metadata
import json
from pathlib import Path
from typing import Final

from ops.errors import UsageError

ROOT: Final = Path(__file__).parents[2]
MANIFEST: Final = ROOT / "package.json"
"""Of a checkout: what is installed (pyproject.toml) does not have it."""


def is_checkout() -> bool:
    """Whether this command runs in a checkout, which can be deployed and started."""
    return MANIFEST.exists()


def require_checkout(purpose: str) -> None:
    """Stop where the command is installed alone.

    Args:
        purpose: what needs the checkout, as the beginning of a sentence.

    Raises:
        UsageError: it is.
    """
    if not is_checkout():
        raise UsageError(f"{purpose} needs a checkout of Darkroom with Node: run it there, as bin/darkroom")


def version() -> str:
    """The one of package.json, which an installed command has in its metadata."""
    if is_checkout():
        return str(json.loads(MANIFEST.read_text(encoding="utf-8"))["version"])
    return importlib.metadata.version("darkroom")


def whose_defaults() -> str:
    """Where recipe.toml and serverless.yml come from, as a part of a sentence."""
    return "this checkout" if is_checkout() else f"Darkroom {version()}"
