"""Every color space becomes sRGB, in which browsers show an image without a profile.

In reading order::

    convert     the profile of a file, and pixels to sRGB by it
    numbers     a profile made from the numbers by which the file describes its colors
    curves      transfer characteristics; those of HDR are toned down to SDR
    profile     an ICC profile from primaries and curves
"""

from processing.imaging.color.convert import is_srgb, is_wider_than_srgb, lab_to_rgb, profile_of, to_srgb
from processing.imaging.color.numbers import code_points, is_hdr

__all__ = ["code_points", "is_hdr", "is_srgb", "is_wider_than_srgb", "lab_to_rgb", "profile_of", "to_srgb"]
