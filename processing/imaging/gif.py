"""GIF files: at most 256 colours a frame, exactly those it has where they are that few.

The colours of any other frame are found in a small sample by median cut and one round of k-means: on a photograph that
is nearer to it than Pillow's median cut of all its pixels, in a third of the time. The next frames keep the palette
while it is as good for every part of them, for then only what changed is stored.
"""

import io
from collections.abc import Sequence
from typing import Any, Final

from PIL import Image, ImageChops

SAMPLED_SIDE: Final = 128
TILE: Final = 16  # pixels: a palette is judged by the tile that it is worst for, so that small things keep their colour
OPAQUE_FROM: Final = 128  # the alpha from which a pixel is there at all
HOLE: Final = 255  # the colour that is kept free for what is transparent


class Indexer:
    """Gives the frames of one animation their colours, one after the other; one frame alone is an animation too."""

    def __init__(self) -> None:
        self._palette: Image.Image | None = None
        self._allowed = 0.0  # the error up to which the next frame keeps the palette

    def __call__(self, frame: Image.Image) -> Image.Image:
        """The frame in mode P, with a colour for what is transparent when something is."""
        holes = _holes(frame)
        colours = frame.convert("RGB")
        if holes is not None:
            colours.paste(0, mask=holes)
        indexed = _exact(colours, 256 if holes is None else HOLE) or self._kept(colours) or self._chosen(colours)
        if holes is not None:
            indexed.paste(HOLE, mask=holes)
            indexed.info["transparency"] = HOLE
        return indexed

    def _kept(self, colours: Image.Image) -> Image.Image | None:
        """With the palette of the frame before, None when that would not do."""
        if self._palette is None:
            return None
        indexed = _mapped(colours, self._palette)
        return indexed if _worst_error(colours, indexed) <= self._allowed else None

    def _chosen(self, colours: Image.Image) -> Image.Image:
        """With a palette of its own."""
        sample = colours.copy()
        sample.thumbnail((SAMPLED_SIDE, SAMPLED_SIDE), Image.Resampling.NEAREST)
        self._palette = sample.quantize(HOLE, Image.Quantize.MEDIANCUT, kmeans=1)
        indexed = _mapped(colours, self._palette)
        self._allowed = 1.25 * _worst_error(colours, indexed) + 2
        return indexed


def encode(indexed: Sequence[Image.Image], durations: Sequence[int], plays: int) -> bytes:
    """A GIF file of frames in mode P; ``durations`` in milliseconds, ``plays`` 0 for ever."""
    options: dict[str, Any] = {}
    if len(indexed) > 1:
        # A frame with holes must clear the one before it; one without may be stored as what changed
        disposal = 2 if any("transparency" in frame.info for frame in indexed) else 1
        options |= {"save_all": True, "append_images": indexed[1:], "duration": list(durations), "disposal": disposal}
        options |= {} if plays == 1 else {"loop": max(plays - 1, 0)}
    out = io.BytesIO()
    indexed[0].save(out, "GIF", **options)
    return out.getvalue()


def _holes(frame: Image.Image) -> Image.Image | None:
    """A mask of what is transparent, None when nothing is."""
    if frame.mode != "RGBA":
        return None
    holes = frame.getchannel("A").point(lambda level: 0 if level >= OPAQUE_FROM else 255)
    return holes if holes.getbbox() else None


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
