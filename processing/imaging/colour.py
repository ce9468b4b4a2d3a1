"""Every colour space becomes sRGB, which is what a picture without a profile is shown in."""

from functools import cache, lru_cache
from io import BytesIO
from typing import Final

from PIL import Image, ImageCms

from processing.imaging.resize import largest_difference

# The profile's own table is used for what sRGB cannot show; NOCACHE lets threads share a transform.
INTENT: Final = ImageCms.Intent.PERCEPTUAL
FLAGS: Final = ImageCms.Flags.NOCACHE
SPACES: Final = {"RGB": "RGB ", "RGBA": "RGB ", "L": "GRAY", "CMYK": "CMYK", "LAB": "Lab "}
BROKEN: Final = (OSError, ValueError, ImageCms.PyCMSError)  # what Pillow raises for profiles that are wrong
SRGB_AREA: Final = 0.1121  # of the triangle between the primaries, in CIE 1931 xy
CLEARLY: Final = 1.05
SAME: Final = 1  # levels: a profile that moves no colour further than this is sRGB under another name


def to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Convert by the embedded profile; one that is broken, or made for another kind of image, counts as not there.

    CMYK without a profile is converted as browsers do it.
    """
    transform = _transform(profile, image.mode) if profile else None
    if transform is not None:
        return transform.apply(image)
    return image.convert("RGB") if image.mode == "CMYK" else image


def lab_to_rgb(image: Image.Image) -> Image.Image:
    """CIE Lab, as TIFF stores it, to sRGB."""
    return _lab_transform().apply(image)


@lru_cache(maxsize=64)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """The way from a profile to sRGB; None when there is none to go."""
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        if source.profile.xcolor_space != SPACES[mode]:
            return None
        target = "RGBA" if mode == "RGBA" else "RGB"
        transform = ImageCms.ImageCmsTransform(source, _srgb(), mode, target, INTENT, flags=FLAGS)
    except BROKEN:
        return None
    return None if _changes_nothing(transform, mode) else transform


@cache
def _srgb() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


@cache
def _lab_transform() -> ImageCms.ImageCmsTransform:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    return ImageCms.ImageCmsTransform(lab, _srgb(), "LAB", "RGB", INTENT, flags=FLAGS)


@lru_cache(maxsize=64)
def is_wider_than_srgb(profile: bytes) -> bool:
    """Whether an RGB profile's primaries span clearly more colours than sRGB's, as Adobe RGB's and P3's do."""
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile)).profile
    except BROKEN:
        return False
    corners = [source.red_primary, source.green_primary, source.blue_primary]
    if any(corner is None for corner in corners):
        return False
    (x1, y1), (x2, y2), (x3, y3) = ((corner[1][0], corner[1][1]) for corner in corners if corner)
    return abs((x2 - x1) * (y3 - y1) - (x3 - x1) * (y2 - y1)) / 2 > SRGB_AREA * CLEARLY


def _changes_nothing(transform: ImageCms.ImageCmsTransform, mode: str) -> bool:
    """Whether it leaves colours from all over the space where they are: most profiles are sRGB's own."""
    if mode == "CMYK":
        return False
    steps = bytes(range(0, 256, 17))
    if mode == "L":
        colours = Image.frombytes("L", (16, 1), steps)
    else:
        cube = b"".join(bytes((r, g, b)) for r in steps for g in steps for b in steps)
        colours = Image.frombytes("RGB", (256, 16), cube)
    moved = transform.apply(colours.convert(mode)).convert("RGB")
    return largest_difference(colours.convert("RGB"), moved) <= SAME
