"""GIF files: at most 256 colours a frame, exactly those it has where they are that few.

The colours of any other frame are found in a small sample by median cut and one round of k-means: on a photograph that
is nearer to it than Pillow's median cut of all its pixels, in a third of the time. The next frames keep the palette
while it is as good for every part of them, for then only what changed is stored.
"""

import io
from collections.abc import Iterator, Sequence
from typing import Any, Final

from PIL import Image, ImageChops

SAMPLED_SIDE: Final = 128
TILE: Final = 16  # pixels: a palette is judged by the tile that it is worst for, so that small things keep their colour
OPAQUE_FROM: Final = 128  # the alpha from which a pixel is there at all
HOLE: Final = 255  # the colour that is kept free for what is transparent


def encode(frames: Sequence[Image.Image], durations: Sequence[int], plays: int) -> bytes:
    """A GIF file; ``durations`` in milliseconds, ``plays`` 0 for ever."""
    indexed = list(_indexed(frames))
    options: dict[str, Any] = {}
    if len(frames) > 1:
        # A frame with holes must clear the one before it; one without may be stored as what changed
        disposal = 2 if any("transparency" in frame.info for frame in indexed) else 1
        options |= {"save_all": True, "append_images": indexed[1:], "duration": list(durations), "disposal": disposal}
        options |= {} if plays == 1 else {"loop": max(plays - 1, 0)}
    out = io.BytesIO()
    indexed[0].save(out, "GIF", **options)
    return out.getvalue()


def _indexed(frames: Sequence[Image.Image]) -> Iterator[Image.Image]:
    palette, allowed = None, 0.0
    for frame in frames:
        holes = _holes(frame)
        colours = frame.convert("RGB")
        if holes is not None:
            colours.paste(0, mask=holes)
        indexed = _exact(colours, 256 if holes is None else HOLE)
        if indexed is None and palette is not None:
            indexed = _mapped(colours, palette)
            indexed = indexed if _worst_error(colours, indexed) <= allowed else None
        if indexed is None:
            palette = _palette(colours)
            indexed = _mapped(colours, palette)
            allowed = 1.25 * _worst_error(colours, indexed) + 2
        if holes is not None:
            indexed.paste(HOLE, mask=holes)
            indexed.info["transparency"] = HOLE
        yield indexed


def _holes(frame: Image.Image) -> Image.Image | None:
    """A mask of what is transparent, None when nothing is."""
    if frame.mode != "RGBA":
        return None
    holes = frame.getchannel("A").point(lambda level: 0 if level >= OPAQUE_FROM else 255)
    return holes if holes.getbbox() else None


def _exact(colours: Image.Image, most: int) -> Image.Image | None:
    """The frame with its own colours, None when there are too many."""
    return colours.quantize(most, Image.Quantize.MEDIANCUT) if colours.getcolors(most) else None


def _palette(colours: Image.Image) -> Image.Image:
    sample = colours.copy()
    sample.thumbnail((SAMPLED_SIDE, SAMPLED_SIDE), Image.Resampling.NEAREST)
    return sample.quantize(HOLE, Image.Quantize.MEDIANCUT, kmeans=1)


def _mapped(colours: Image.Image, palette: Image.Image) -> Image.Image:
    return colours.quantize(palette=palette, dither=Image.Dither.NONE)


def _worst_error(colours: Image.Image, indexed: Image.Image) -> float:
    """The largest mean error, in levels, of any band of any tile."""
    tiles = ImageChops.difference(colours, indexed.convert("RGB")).reduce(TILE)
    extrema: Any = tiles.getextrema()
    return float(max(high for _, high in extrema))
