"""The frames of an animation as they are shown, from those that a GIF or an animated PNG stores.

Pillow does this too, but not as browsers do: in a PNG, half-transparent pixels over opaque ones become holes, and a
frame that is taken back leaves traces; in a GIF, what is not painted has a color of the table.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from PIL import Image

from processing.picture import Box, Size

KEPT, CLEARED, TAKEN_BACK = range(3)
"""What becomes of a frame's box before the next frame: as a PNG numbers it."""

OPAQUE: Final = (255, 255)


@dataclass(frozen=True, slots=True)
class StoredFrame:
    """A picture in RGBA and its place, which may be beyond the screen; ``duration`` in milliseconds.

    It is blended ``over`` the frames before, or replaces their pixels.
    """

    picture: Image.Image
    at: tuple[int, int]
    duration: float
    disposal: int
    over: bool


def composed(size: Size, frames: Iterable[StoredFrame], *, gray: bool = False) -> Iterator[Image.Image]:
    """Each frame as it is shown, with its ``info["duration"]``: in RGBA, an opaque one in RGB, or in L if ``gray``.

    The screen is transparent at first, and where a frame was cleared: browsers ignore a background color.
    """
    screen = Image.new("RGBA", size)
    for frame in frames:
        (left, top), (width, height) = frame.at, frame.picture.size
        box = (min(left, size[0]), min(top, size[1]), min(left + width, size[0]), min(top + height, size[1]))
        disposal, duration = frame.disposal, frame.duration
        before = screen.crop(box) if disposal == TAKEN_BACK else None
        _lay(frame, screen, box)
        del frame  # no picture is kept while others are made
        yield _shown(screen, duration, gray=gray)
        if before:
            screen.paste(before, box)
        elif disposal == CLEARED:
            screen.paste((0, 0, 0, 0), box)


def _lay(frame: StoredFrame, screen: Image.Image, box: Box) -> None:
    picture, size = frame.picture, (box[2] - box[0], box[3] - box[1])
    if picture.size != size:
        picture = picture.crop((0, 0, *size))
    if frame.over:
        screen.alpha_composite(picture, box[:2])
    else:
        screen.paste(picture, box)


def _shown(screen: Image.Image, duration: float, *, gray: bool) -> Image.Image:
    if screen.getchannel("A").getextrema() != OPAQUE:
        shown = screen.copy()
    else:
        shown = screen.getchannel("R") if gray else screen.convert("RGB")
    shown.info["duration"] = duration
    return shown
