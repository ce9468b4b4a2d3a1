"""Finds bytes behind the last pixel: if a picture decodes without the end of its data, that end is not the picture."""

import io
import struct
from typing import Final

from processing.imaging.formats import READERS

CUT: Final = 4  # bytes: the last code of every coder is within, and without it none decodes


def decodes(image_format: str, data: bytes) -> bool:
    """Whether Pillow finds every pixel of a file."""
    try:
        READERS[image_format](io.BytesIO(data)).load()
    except (OSError, EOFError, SyntaxError, ValueError, struct.error):
        return False
    return True
