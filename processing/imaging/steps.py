"""The pixel work: ordered lists of named steps. Each takes an image and a job, and returns an image.

A step that has nothing to do returns the image it was given; none changes an image in place.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from PIL import Image

from processing.geometry import Layout
from processing.imaging import color, pixels, watermark
from processing.imaging.resize import resize
from processing.picture import Size
from processing.recipe import Color


@dataclass(frozen=True, slots=True)
class Job:
    """One variant of one image: its layout, the original's orientation and profile, and the output format."""

    layout: Layout
    orientation: int
    icc: bytes | None
    output: str = ""  # known when the first frame has shown whether anything is transparent

    @property
    def name(self) -> str:
        return self.layout.spec.name

    @property
    def keeps_hdr(self) -> bool:
        """Whether the variant gets the original's gain map, if there is one: only JPEG holds it."""
        return self.output == "jpeg" and self.layout.spec.hdr == "keep"

    @property
    def result_key(self) -> Hashable:
        """Equal for variants with equal pixels, such as those of an original that is smaller than their boxes."""
        layout = self.layout
        settings = replace(layout.spec, name="", width=None, height=None)
        return settings, layout.frame, layout.crop, layout.canvas, self.output

    @property
    def stored_frame(self) -> Size:
        """The frame before the picture is turned upright."""
        width, height = self.layout.frame
        return (height, width) if self.orientation >= 5 else (width, height)


Step = Callable[[Image.Image, Job], Image.Image]


def divide_by_alpha(image: Image.Image, _job: Job) -> Image.Image:
    """Convert La, which is premultiplied, to LA, the one mode that Pillow converts it to."""
    return image.convert("LA") if image.mode == "La" else image


def unpack(image: Image.Image, _job: Job) -> Image.Image:
    return pixels.unpacked(image)


def drop_opaque_alpha(image: Image.Image, _job: Job) -> Image.Image:
    """Drop an alpha channel in which no pixel is transparent: it costs time and bytes."""
    return image.convert("RGB") if image.mode == "RGBA" and pixels.has_alpha_of(image, 255) else image


def detach(image: Image.Image, _job: Job) -> Image.Image:
    """Detach the image from its file: its metadata, which Pillow would write into variants, and its next frame."""
    detached = image.copy() if type(image) is not Image.Image else image
    detached.info = {}
    return detached


def shrink_stored(image: Image.Image, job: Job) -> Image.Image:
    return resize(image, job.stored_frame)


def to_srgb(image: Image.Image, job: Job) -> Image.Image:
    return color.to_srgb(image, job.icc)


def turn_upright(image: Image.Image, job: Job) -> Image.Image:
    return pixels.upright(image, job.orientation)


def shrink(image: Image.Image, job: Job) -> Image.Image:
    return resize(image, job.layout.frame)


def crop(image: Image.Image, job: Job) -> Image.Image:
    return image.crop(job.layout.crop) if job.layout.crop else image


def pad(image: Image.Image, job: Job) -> Image.Image:
    """Center the picture on its canvas."""
    if job.layout.canvas is None:
        return image
    background = job.layout.spec.background
    if image.mode == "RGBA" or not background.opaque:
        canvas = Image.new("RGBA", job.layout.canvas, background)
        picture = image.convert("RGBA")
    else:
        canvas = Image.new("RGB", job.layout.canvas, background[:3])
        picture = image.convert("RGB")
    canvas.paste(picture, _middle(picture.size, canvas.size))
    return canvas


def mark(image: Image.Image, job: Job) -> Image.Image:
    mark_ = job.layout.spec.watermark
    return image if mark_ is None else watermark.marked(image, mark_)


def flatten(image: Image.Image, job: Job) -> Image.Image:
    """Put transparent pixels on the recipe's background, in JPEG, which has no transparency."""
    if image.mode != "RGBA" or job.output != "jpeg":
        return image
    return on_background(image, job.layout.spec.background)


def on_background(image: Image.Image, background: Color) -> Image.Image:
    flat = Image.new("RGB", image.size, background[:3])
    flat.paste(image, mask=image.getchannel("A"))
    return flat


def _middle(inner: Size, outer: Size) -> tuple[int, int]:
    return (outer[0] - inner[0]) // 2, (outer[1] - inner[1]) // 2


# From a decoded frame to one that can be resized, the same for every variant; from it to the frame of a variant ...
UNPACK: Final[Sequence[Step]] = (divide_by_alpha, unpack, drop_opaque_alpha)
FROM_ORIGINAL: Final[Sequence[Step]] = (shrink_stored, to_srgb, turn_upright, detach)
# ... or to it from a larger variant's frame; and from a frame to the finished picture.
FROM_LARGER: Final[Sequence[Step]] = (shrink,)
FINISH: Final[Sequence[Step]] = (crop, pad, mark, flatten)
UNMARKED: Final[Sequence[Step]] = tuple(step for step in FINISH if step is not mark)


def take(steps: Sequence[Step], image: Image.Image, job: Job) -> Image.Image:
    """Take the steps one after the other."""
    for step in steps:
        image = step(image, job)
    return image
