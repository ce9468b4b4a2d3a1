"""TIFF files, read: what Pillow takes for something else is read right, or unsupported by its name."""

from typing import Any, Final

from PIL import ImagePalette, TiffImagePlugin

from processing.errors import UnsupportedFormat

BITS, COMPRESSION, PHOTOMETRIC, COLOR_MAP, PLANAR, FORMAT = 258, 259, 262, 320, 284, 339
SUBSAMPLING, JPEG_XR = 530, 0xBC01
RAW, DEFLATE, SEPARATE, YCBCR, SIGNED = 1, 8, 2, 6, 2  # values of these tags
COMPRESSIONS: Final = {
    34712: "JPEG 2000",
    34887: "LERC",
    34892: "lossy JPEG of a raw file",
    34933: "PNG",
    50001: "WebP",
    50002: "JPEG XL",
    52546: "JPEG XL",
}
MISSING: Final = (50001,)  # known to Pillow, but not in the libtiff of its wheels


class TiffFile(TiffImagePlugin.TiffImageFile):
    """Pillow's reader, from a BytesIO."""

    def _setup(self) -> None:
        """Prepare the page for decoding.

        Raises:
            UnsupportedFormat: its pixels are stored in a way that is not read.
        """
        _check(self.tag_v2)
        compression = self.tag_v2.get(COMPRESSION, RAW)
        if compression == RAW and self._needs_libtiff():
            self.tag_v2[COMPRESSION] = DEFLATE  # libtiff, which Pillow takes for it, reads the file's own tag
        try:
            super()._setup()
        except SyntaxError as error:  # its layout is in none of Pillow's tables
            raise UnsupportedFormat(f"tiff: the file has {_layout(self.tag_v2)}, which is not read") from error
        self.tag_v2[COMPRESSION] = compression
        if self.palette is not None and max(self.tag_v2[COLOR_MAP]) < 256:
            # As libtiff does: values of 8 bits in the fields for 16
            self.palette = ImagePalette.raw("RGB;L", bytes(self.tag_v2[COLOR_MAP]))

    def load(self) -> Any:
        try:
            return super().load()
        except OSError as error:  # "decoder error -2"
            raise OSError("its pixels cannot be unpacked: the file is truncated or damaged") from error

    def _needs_libtiff(self) -> bool:
        """Whether Pillow's own reader of separate planes would mistake its samples: it knows 8 bits, and no YCbCr."""
        tags = self.tag_v2
        return tags.get(PLANAR) == SEPARATE and (max(tags.get(BITS, (1,))) > 8 or tags.get(PHOTOMETRIC) == YCBCR)


def _check(tags: Any) -> None:
    compression = tags.get(COMPRESSION, RAW)
    if JPEG_XR in tags:
        raise UnsupportedFormat("tiff: the file is JPEG XR, which is not read")
    if compression in MISSING or compression not in TiffImagePlugin.COMPRESSION_INFO:
        name = COMPRESSIONS.get(compression, f"method {compression}")
        raise UnsupportedFormat(f"tiff: the file is compressed with {name}, which is not read")
    if tags.get(PHOTOMETRIC) == YCBCR and tags.get(PLANAR) == SEPARATE and tags.get(SUBSAMPLING, (2, 2)) != (1, 1):
        raise UnsupportedFormat("tiff: the file has subsampled YCbCr in separate planes, which is not read")
    if SIGNED in tags.get(FORMAT, ()) and max(tags.get(BITS, (1,))) <= 8:
        raise UnsupportedFormat("tiff: the file has signed samples, whose range of values is not defined")


def _layout(tags: Any) -> str:
    bits = "/".join(str(each) for each in tags.get(BITS, (1,)))
    formats = "/".join(str(each) for each in tags.get(FORMAT, (1,)))
    return f"{bits} bits a sample, sample format {formats}, photometric interpretation {tags.get(PHOTOMETRIC, 0)}"
