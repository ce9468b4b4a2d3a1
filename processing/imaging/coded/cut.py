"""Finds bytes behind the last pixel: if a picture decodes without the end of its data, that end is not the picture."""

import io
import struct
from collections.abc import Callable, Mapping
from typing import Final

from PIL import GifImagePlugin, ImageFile, JpegImagePlugin, WebPImagePlugin

CUT: Final = 4  # bytes: the last code of every coder is within, and without it none decodes
READERS: Final[
    Mapping[str, Callable[[io.BytesIO], ImageFile.ImageFile]]
] = {  # Pillow's own: the engine's reader of JPEG takes a file without an end
    "jpeg": JpegImagePlugin.JpegImageFile,
    "webp": WebPImagePlugin.WebPImageFile,
    "gif": GifImagePlugin.GifImageFile,
}


def decodes(image_format: str, data: bytes) -> bool:
    """Whether Pillow finds every pixel of a file."""
    try:
        READERS[image_format](io.BytesIO(data)).load()
    except (OSError, EOFError, SyntaxError, ValueError, struct.error):
        return False
    return True
