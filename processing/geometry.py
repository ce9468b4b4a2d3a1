"""Sizes and boxes: a variant's frame, crop and canvas, and the larger variant that it can be made from. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from processing.picture import Box, Size
from processing.recipe import LONGEST_SIDE, VariantSpec

# An image is resized from one at least this many times as large, or from the original: closer steps cost sharpness.
GAP = 1.5
# The sides of a gain map are a quarter of its variant's, as phones and libvips have it: +7 % bytes, 0.035 stops beside
# the original at its full size. Half would be +17 % and 0.027.
FINEST = 1 / 4


@dataclass(frozen=True, slots=True)
class Layout:
    """The layout of a variant: the whole picture is scaled to ``frame``, cropped to ``crop``, centered on ``canvas``.

    All sizes are as shown. ``parent`` is the variant whose frame this one is made from, None for the original.
    """

    spec: VariantSpec
    frame: Size
    crop: Box | None = None
    canvas: Size | None = None
    parent: str | None = None

    @property
    def shown(self) -> Size:
        """The size of the picture in the variant, without its canvas."""
        left, top, right, bottom = self.crop or (0, 0, *self.frame)
        return right - left, bottom - top

    @property
    def size(self) -> Size:
        """The size of the variant."""
        return self.canvas or self.shown


def plan(specs: Sequence[VariantSpec], size: Size) -> list[Layout]:
    """The layouts of all variants of a picture of this size, each after its parent."""
    found: list[Layout] = []
    for layout in sorted((lay_out(spec, size) for spec in specs), key=lambda each: -each.frame[0] * each.frame[1]):
        parents = [each for each in found if _can_be_made_from(each.frame, layout.frame)]
        parent = parents[-1].spec.name if parents else None
        found.append(Layout(layout.spec, layout.frame, layout.crop, layout.canvas, parent))
    return found


def lay_out(spec: VariantSpec, size: Size) -> Layout:
    """Fit a picture of ``size`` into a variant's box; nothing is ever enlarged."""
    box = (spec.width or LONGEST_SIDE, spec.height or LONGEST_SIDE)
    if spec.fit == "cover":
        box = fitted(box, size)
        frame = _around(size, box)
        return Layout(spec, frame, crop=None if frame == box else _cut(frame, box, spec.gravity))
    frame = fitted(size, box)
    return Layout(spec, frame, canvas=box if spec.fit == "pad" and frame != box else None)


def place(inner: Size, outer: Size, where: str, margin: int = 0) -> tuple[int, int]:
    """The upper left corner of ``inner`` at one of nine places in ``outer``; never outside its edges."""
    column = 0 if "left" in where else 2 if "right" in where else 1
    row = 0 if "top" in where else 2 if "bottom" in where else 1
    left, top = (
        (margin, free // 2, free - margin)[step]
        for step, free in ((column, outer[0] - inner[0]), (row, outer[1] - inner[1]))
    )
    return max(left, 0), max(top, 0)


def _can_be_made_from(larger: Size, smaller: Size) -> bool:
    return larger == smaller or all(a >= GAP * b or a == b == 1 for a, b in zip(larger, smaller, strict=True))


def fitted(size: Size, box: Size) -> Size:
    """The largest size of the same shape in ``box``, at most ``size`` itself; whole numbers only, so exact."""
    (w, h), (box_w, box_h) = size, box
    if w <= box_w and h <= box_h:
        return size
    if w * box_h >= h * box_w:
        return box_w, max(1, _divided(h * box_w, w))
    return max(1, _divided(w * box_h, h)), box_h


def _around(size: Size, box: Size) -> Size:
    """The smallest size of the same shape that covers ``box``, which is no larger than ``size``."""
    (w, h), (box_w, box_h) = size, box
    if w * box_h >= h * box_w:
        return max(box_w, _divided(w * box_h, h)), box_h
    return box_w, max(box_h, _divided(h * box_w, w))


def _cut(frame: Size, box: Size, gravity: str) -> Box:
    left, top = place(box, frame, gravity)
    return left, top, left + box[0], top + box[1]


def _divided(a: int, b: int) -> int:
    return (2 * a + b) // (2 * b)
