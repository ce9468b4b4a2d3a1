"""What to make of every image: recipe.toml, checked as a whole and frozen. In reading order: `model`,
`reading`, `table`, which it reads with, and `lettering`: which characters a text mark can have."""

from processing.recipe.model import LONGEST_SIDE, Colour, Limits, Recipe, VariantSpec, Watermark
from processing.recipe.reading import load

__all__ = ["LONGEST_SIDE", "Colour", "Limits", "Recipe", "VariantSpec", "Watermark", "load"]
