"""Every colour space becomes sRGB, in which browsers show an image without a profile.

In reading order::

    numbers     the profile of a file: embedded, or made from the numbers by which the file describes its colours
    curves      transfer characteristics; those of HDR are toned down to SDR
    profile     an ICC profile from primaries and curves
    convert     pixels to sRGB, by a profile
"""

from processing.imaging.colour.convert import is_srgb, is_wider_than_srgb, lab_to_rgb, to_srgb
from processing.imaging.colour.numbers import code_points, is_hdr, profile_of

__all__ = ["code_points", "is_hdr", "is_srgb", "is_wider_than_srgb", "lab_to_rgb", "profile_of", "to_srgb"]
