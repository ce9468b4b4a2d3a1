"""BMP files, read: a fourth sample that every pixel leaves at zero is no alpha."""

from typing import Any

from PIL import BmpImagePlugin

from processing.imaging.pixels import opaque_if_invisible


class BmpFile(BmpImagePlugin.BmpImageFile):
    """Pillow's reader. Programs write a mask of alpha and leave its bits zero; browsers show such a picture opaque."""

    def load(self) -> Any:
        is_first = bool(self.tile)
        loaded = super().load()
        if is_first:
            opaque_if_invisible(self)
        return loaded
