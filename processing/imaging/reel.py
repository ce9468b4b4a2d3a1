"""The frames of one variant of an animation: held as bare samples, and unpacked one at a time.

Pillow's images take 4 bytes for a pixel of 3, and its allocator cuts the block of a large frame for a small one, which
pins the rest: 48 frames of 1920 x 1080 and their variants took 600 MB where their samples take 134.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from PIL import Image

from processing.picture import Size


@dataclass(frozen=True, slots=True)
class PackedFrame:
    """The samples of one frame, and the colors of an indexed one."""

    mode: str
    size: Size
    samples: bytes
    colors: bytes | None
    info: dict[Any, Any]

    @classmethod
    def of(cls, image: Image.Image) -> "PackedFrame":
        colors = bytes(image.getpalette() or ()) if image.mode == "P" else None
        return cls(image.mode, image.size, image.tobytes(), colors, image.info)

    def unpacked(self) -> Image.Image:
        image = Image.frombytes(self.mode, self.size, self.samples)
        if self.colors is not None:
            image.putpalette(self.colors)
        image.info = dict(self.info)
        return image


class Reel:
    """Frames of one size. A frame that equals the one before it takes no memory."""

    def __init__(self) -> None:
        self._frames: list[PackedFrame] = []

    def __len__(self) -> int:
        return len(self._frames)

    def __iter__(self) -> Iterator[Image.Image]:
        return (frame.unpacked() for frame in self._frames)

    def __getitem__(self, number: int) -> Image.Image:
        return self._frames[number].unpacked()

    @property
    def modes(self) -> set[str]:
        return {frame.mode for frame in self._frames}

    def append(self, image: Image.Image) -> None:
        frame = PackedFrame.of(image)
        self._frames.append(self._frames[-1] if self._frames and self._frames[-1] == frame else frame)


class Film(Image.Image):
    """Frames as one image of many, as Pillow's writers read them: each is unpacked when it is sought.

    Args:
        mode: of every frame.
    """

    def __init__(self, frames: "Sequence[Image.Image] | Reel", mode: str) -> None:
        super().__init__()
        self._frames = frames
        self._wanted = mode
        self.n_frames = len(frames)
        self.is_animated = True
        self._at = 0
        self.seek(0)

    def seek(self, frame: int) -> None:
        """Raises EOFError behind the last frame."""
        if frame >= self.n_frames:
            raise EOFError("no more frames")
        image = _in_mode(self._frames[frame], self._wanted)
        self.im, self._mode, self._size, self._at = image.im, image.mode, image.size, frame

    def tell(self) -> int:
        return self._at

    def copy(self) -> Image.Image:
        """This frame, still packed: the writer of PNG keeps a copy of each frame until it has seen the last."""
        return PackedCopy(self._frames, self._at, self)


class PackedCopy(Image.Image):
    """One frame of a film, which is unpacked for each operation."""

    def __init__(self, frames: "Sequence[Image.Image] | Reel", number: int, shown: Image.Image) -> None:
        super().__init__()
        self._frames, self._number = frames, number
        self._mode, self._size = shown.mode, shown.size

    @property  # type: ignore[misc]  # Pillow's can be set, which nothing does with a copy
    def im(self) -> Any:
        return _in_mode(self._frames[self._number], self.mode).im


def _in_mode(image: Image.Image, mode: str) -> Image.Image:
    return image if image.mode == mode else image.convert(mode)
