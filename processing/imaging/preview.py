"""What a page shows until an image has loaded: the image in a few pixels, as a WebP without metadata, and its color."""

import base64
import io
from typing import Final

from PIL import Image, ImageStat

from processing.imaging.geometry import fitted
from processing.picture import Preview

SIDE: Final = 16  # pixels of the longer side ...
SIDE_WITH_ALPHA: Final = 8  # ... where an alpha channel takes as many bytes again
QUALITY: Final = 40
ALPHA_QUALITY: Final = 10
METHOD: Final = 0  # the encoder's fastest
REDUCING_GAP: Final = 2.0  # Pillow averages whole blocks first, down to twice the size, in half the time


def preview(picture: Image.Image) -> Preview:
    """The preview of a picture in L, RGB or RGBA; a picture that is smaller already is not enlarged."""
    mode, side = ("RGBA", SIDE_WITH_ALPHA) if picture.mode == "RGBA" else ("RGB", SIDE)
    # Premultiplied, each pixel counts as far as it is seen; RGB is not copied, which can take a millisecond
    pixels = picture if picture.mode == "RGB" else picture.convert("RGBa" if mode == "RGBA" else "RGB")
    small = pixels.resize(fitted(picture.size, (side, side)), Image.Resampling.HAMMING, reducing_gap=REDUCING_GAP)
    return Preview(placeholder=_webp(small.convert(mode)), color=_mean(pixels))


def _webp(small: Image.Image) -> str:
    out = io.BytesIO()
    small.save(out, "WEBP", quality=QUALITY, alpha_quality=ALPHA_QUALITY, method=METHOD)
    return base64.b64encode(out.getvalue()).decode()


def _mean(pixels: Image.Image) -> str:
    """The mean color of a picture in RGB or RGBa as ``#rrggbb``; #000000 where nothing is visible."""
    red, green, blue, *alpha = ImageStat.Stat(pixels).sum
    weight = alpha[0] / 255 if alpha else pixels.width * pixels.height
    return "#" + "".join(f"{min(255, round(total / (weight or 1))):02x}" for total in (red, green, blue))
