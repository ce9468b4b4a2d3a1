"""Pixels become sRGB by an ICC profile; LittleCMS computes, and what would change nothing is left alone."""

from collections.abc import Sequence
from functools import cache, lru_cache
from io import BytesIO
from typing import Final

from PIL import Image, ImageCms

from processing.imaging.color.numbers import NUMBERED, is_gray, profile_by_numbers
from processing.imaging.color.profile import BROKEN, COLOR, GRAY, space_of
from processing.imaging.resize import largest_difference

# The profile's own table is used for colors outside sRGB; NOCACHE lets threads share a transform.
INTENT: Final = ImageCms.Intent.PERCEPTUAL
FLAGS: Final = ImageCms.Flags.NOCACHE
OTHER_SPACES: Final = {"CMYK": "CMYK", "LAB": "Lab "}  # by Pillow's modes
SPACES: Final = {"RGB": COLOR, "RGBA": COLOR, "L": GRAY, "CMYK": "CMYK"}
SRGB_AREA: Final = 0.1121  # of the triangle between the primaries, in CIE 1931 xy
WIDER_FACTOR: Final = 1.05
MAX_SHIFT: Final = 1  # levels: a profile that changes no color by more is sRGB under another name


def profile_of(image_format: str, data: bytes, image: Image.Image) -> bytes | None:
    """The ICC profile of an image that was opened; None for sRGB, and where nothing valid is said."""
    icc = image.info.get("icc_profile")
    icc = icc if isinstance(icc, bytes) and space_of(icc) == _space(image) else None
    return profile_by_numbers(image_format, data, image, icc) if image_format in NUMBERED else icc


def _space(image: Image.Image) -> str:
    return GRAY if is_gray(image) else OTHER_SPACES.get(image.mode, COLOR)


def to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Convert by a profile of the original; an invalid one, or one for another color space, is ignored.

    A profile of gray is for the levels of a gray original, which may have become RGBA. CMYK without a profile is
    converted as browsers do it.
    """
    if profile and space_of(profile) == GRAY:
        return _with_levels(image, _gray_levels(profile))
    transform = _transform(profile, image.mode if image.mode != "L" else "RGB") if profile else None
    if transform is not None:
        return transform.apply(image.convert("RGB") if image.mode == "L" else image)
    return image.convert("RGB") if image.mode == "CMYK" else image


def is_srgb(profile: bytes | None, mode: str) -> bool:
    """Whether `to_srgb` changes no color of an image that was opened in this mode."""
    if mode == "CMYK" or profile is None:
        return mode != "CMYK"
    if space_of(profile) == GRAY:
        return _gray_levels(profile) is None
    return all(_transform(profile, each) is None for each in ("RGB", "RGBA"))


def lab_to_rgb(image: Image.Image) -> Image.Image:
    """CIE Lab, as TIFF stores it, to sRGB."""
    return _lab_transform().apply(image)


@lru_cache(maxsize=64)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """The transform from a profile to sRGB; None when the profile is unusable, or changes nothing."""
    transform = _open_transform(profile, mode)
    return None if transform is None or _is_identity(transform, mode) else transform


def _open_transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    if space_of(profile) != SPACES[mode]:
        return None
    target = "RGBA" if mode == "RGBA" else "RGB"
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        return ImageCms.ImageCmsTransform(source, _srgb(), mode, target, INTENT, flags=FLAGS)
    except BROKEN:
        return None


@cache
def _srgb() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


@cache
def _lab_transform() -> ImageCms.ImageCmsTransform:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    return ImageCms.ImageCmsTransform(lab, _srgb(), "LAB", "RGB", INTENT, flags=FLAGS)


@lru_cache(maxsize=64)
def is_wider_than_srgb(profile: bytes) -> bool:
    """Whether an RGB profile's primaries span clearly more colors than sRGB's, as Adobe RGB's and P3's do."""
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile)).profile
    except BROKEN:
        return False
    corners = [source.red_primary, source.green_primary, source.blue_primary]
    if any(corner is None for corner in corners):
        return False
    (x1, y1), (x2, y2), (x3, y3) = ((corner[1][0], corner[1][1]) for corner in corners if corner)
    return abs((x2 - x1) * (y3 - y1) - (x3 - x1) * (y2 - y1)) / 2 > SRGB_AREA * WIDER_FACTOR


@lru_cache(maxsize=64)
def _gray_levels(profile: bytes) -> Sequence[int] | None:
    """The level of sRGB for each level of gray; None when the profile is unusable, or changes nothing."""
    transform = _open_transform(profile, "L")
    if transform is None:
        return None
    levels = bytes(range(256))
    shown = transform.apply(Image.frombytes("L", (256, 1), levels)).getchannel("G").tobytes()
    return None if max(abs(a - b) for a, b in zip(levels, shown, strict=True)) <= MAX_SHIFT else tuple(shown)


def _with_levels(image: Image.Image, levels: Sequence[int] | None) -> Image.Image:
    """The levels of gray replaced, and not those of alpha."""
    if levels is None or image.mode not in ("L", "RGB", "RGBA"):
        return image
    bands = len(image.getbands())
    return image.point([*levels] if bands == 1 else [*levels] * 3 + [*range(256)] * (bands - 3))


def _is_identity(transform: ImageCms.ImageCmsTransform, mode: str) -> bool:
    """Whether a sample of all colors is unchanged: most profiles are sRGB's own."""
    if mode == "CMYK":
        return False
    steps = bytes(range(0, 256, 17))
    cube = b"".join(bytes((r, g, b)) for r in steps for g in steps for b in steps)
    colors = Image.frombytes("RGB", (256, 16), cube)
    moved = transform.apply(colors.convert(mode)).convert("RGB")
    return largest_difference(colors, moved) <= MAX_SHIFT
