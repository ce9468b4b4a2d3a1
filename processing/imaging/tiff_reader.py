"""TIFF files, read: what Pillow takes for something else is read right, or unsupported by its name."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from PIL import ImagePalette, TiffImagePlugin

from processing.errors import UnsupportedFormat
from processing.imaging.pixels import opaque_if_invisible

BITS, COMPRESSION, PHOTOMETRIC, COLOR_MAP, PLANAR, EXTRA, FORMAT = 258, 259, 262, 320, 284, 338, 339
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
MEANT_AS_ALPHA: Final = ((1,), (2,))  # values of ExtraSamples: associated and unassociated alpha
WHITE_IS_ZERO, GROUP_4 = 0, 4
INVERTED: Final = bytes(range(255, -1, -1))
FAX: Final = (2, 3, GROUP_4)  # CCITT
WRONG_ROWS: Final = 0.01  # a received fax may have a few; in group 4 one wrong code ruins all rows that follow
STDERR: Final = threading.Lock()
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
        is_first = bool(self.tile)
        is_fax = is_first and self.tag_v2.get(COMPRESSION) in FAX
        try:
            if not is_fax:
                loaded = super().load()
                if is_first:
                    self._correct_samples()
                return loaded
            with _fax_errors() as errors:
                loaded = super().load()
        except OSError as error:  # "decoder error -2"
            raise OSError("its pixels cannot be unpacked: the file is truncated or damaged") from error
        allowed = 0 if self.tag_v2.get(COMPRESSION) == GROUP_4 else WRONG_ROWS * self.height
        if len(errors) > allowed:
            raise OSError(f"{len(errors)} of its {self.height} rows have invalid codes: the file is damaged")
        return loaded

    def _correct_samples(self) -> None:
        """Invert 16 bits of which 0 is white, which Pillow does for 8; make opaque what nobody has said is alpha."""
        if self.tag_v2.get(PHOTOMETRIC) == WHITE_IS_ZERO and self.mode.startswith("I;16"):
            self.frombytes(self.tobytes().translate(INVERTED))
        if self.tag_v2.get(EXTRA, ()) not in MEANT_AS_ALPHA:
            opaque_if_invisible(self)

    def _needs_libtiff(self) -> bool:
        """Whether Pillow's own reader of separate planes would mistake its samples: it knows 8 bits, and no YCbCr."""
        tags = self.tag_v2
        return tags.get(PLANAR) == SEPARATE and (max(tags.get(BITS, (1,))) > 8 or tags.get(PHOTOMETRIC) == YCBCR)


@contextmanager
def _fax_errors() -> Iterator[list[bytes]]:
    """The errors of libtiff's fax decoder, one a row: it guesses the rest of the row, and writes to stderr alone.

    What others write there meanwhile is passed on.
    """
    errors: list[bytes] = []
    with STDERR:
        try:
            stderr, written = os.dup(2), os.memfd_create("libtiff")
        except (AttributeError, OSError):  # another system than Linux, or no stderr: nothing can be known
            yield errors
            return
        try:
            os.dup2(written, 2)
            yield errors
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
            with open(written, "r+b") as file:
                file.seek(0)
                for line in file:
                    if line.startswith(b"Fax"):
                        errors.append(line)
                    else:
                        os.write(2, line)


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
