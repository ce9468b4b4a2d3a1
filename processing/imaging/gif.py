"""GIF files: at most 256 colours in a frame; a frame with no more colours keeps exactly its own.

The colours of any other frame are found in a small sample by median cut and one round of k-means: on a photograph that
is closer to it than Pillow's median cut of all its pixels, in a third of the time. The next frames keep the palette
while its error is as small in every part of them, because then only changes are stored.
"""

import io
from collections.abc import Sequence
from typing import Any, Final

from PIL import Image, ImageChops

SAMPLED_SIDE: Final = 128
TILE: Final = 16  # pixels: the worst tile decides on a palette, so that small details keep their colour
OPAQUE_FROM: Final = 128  # the alpha from which a pixel is opaque
TRANSPARENT: Final = 255  # the colour index reserved for transparent pixels


class Indexer:
    """Converts the frames of one animation, or of a still, to indexed colours, one after the other."""

    def __init__(self) -> None:
        self._palette: Image.Image | None = None
        self._allowed = 0.0  # the error up to which the next frame keeps the palette

    def __call__(self, frame: Image.Image) -> Image.Image:
        """The frame in mode P, with an index for transparent pixels if it has any."""
        transparent = _transparency(frame)
        colours = frame.convert("RGB")
        if transparent is not None:
            colours.paste(0, mask=transparent)
        indexed = (
            _exact(colours, 256 if transparent is None else TRANSPARENT) or self._kept(colours) or self._chosen(colours)
        )
        if transparent is not None:
            indexed.paste(TRANSPARENT, mask=transparent)
            indexed.info["transparency"] = TRANSPARENT
        return indexed

    def _kept(self, colours: Image.Image) -> Image.Image | None:
        """With the palette of the frame before, None when its error is too large."""
        if self._palette is None:
            return None
        indexed = _mapped(colours, self._palette)
        return indexed if _worst_error(colours, indexed) <= self._allowed else None

    def _chosen(self, colours: Image.Image) -> Image.Image:
        """With a palette of its own."""
        sample = colours.copy()
        sample.thumbnail((SAMPLED_SIDE, SAMPLED_SIDE), Image.Resampling.NEAREST)
        self._palette = sample.quantize(TRANSPARENT, Image.Quantize.MEDIANCUT, kmeans=1)
        indexed = _mapped(colours, self._palette)
        self._allowed = 1.25 * _worst_error(colours, indexed) + 2
        return indexed


def encode(indexed: Sequence[Image.Image], durations: Sequence[int], plays: int) -> bytes:
    """A GIF file of frames in mode P; ``durations`` in milliseconds, ``plays`` 0 for endlessly."""
    options: dict[str, Any] = {}
    if len(indexed) > 1:
        # A frame with transparent pixels must clear the one before it; one without may be stored as its changes
        disposal = 2 if any("transparency" in frame.info for frame in indexed) else 1
        options |= {"save_all": True, "append_images": indexed[1:], "duration": list(durations), "disposal": disposal}
        options |= {} if plays == 1 else {"loop": max(plays - 1, 0)}
    out = io.BytesIO()
    indexed[0].save(out, "GIF", **options)
    return out.getvalue()


def _transparency(frame: Image.Image) -> Image.Image | None:
    """A mask of the transparent pixels, None without any."""
    if frame.mode != "RGBA":
        return None
    transparent = frame.getchannel("A").point(lambda level: 0 if level >= OPAQUE_FROM else 255)
    return transparent if transparent.getbbox() else None


def _exact(colours: Image.Image, most: int) -> Image.Image | None:
    """The frame with its own colours, None when there are too many."""
    return colours.quantize(most, Image.Quantize.MEDIANCUT) if colours.getcolors(most) else None


def _mapped(colours: Image.Image, palette: Image.Image) -> Image.Image:
    return colours.quantize(palette=palette, dither=Image.Dither.NONE)


def _worst_error(colours: Image.Image, indexed: Image.Image) -> float:
    """The largest mean error, in levels, of any band of any tile."""
    tiles = ImageChops.difference(colours, indexed.convert("RGB")).reduce(TILE)
    extrema: Any = tiles.getextrema()
    return float(max(high for _, high in extrema))
