"""What to make of every image: recipe.toml, checked as a whole and frozen. In reading order: `model`,
`reading`, and `table`, which it reads with."""

from processing.recipe.model import LONGEST_SIDE, Colour, Limits, Recipe, VariantSpec, Watermark
from processing.recipe.reading import load

__all__ = ["LONGEST_SIDE", "Colour", "Limits", "Recipe", "VariantSpec", "Watermark", "load"]
