"""The variants to make of every image: recipe.toml, checked as a whole and frozen.

`model`, then `reading`, with `table`, which reads typed values, `ladders`, which expands a ladder into variants, and
`lettering`: which characters a text mark can have.
"""

from processing.recipe.model import LONGEST_SIDE, Color, Limits, Recipe, VariantSpec, Watermark
from processing.recipe.reading import load

__all__ = ["LONGEST_SIDE", "Color", "Limits", "Recipe", "VariantSpec", "Watermark", "load"]
