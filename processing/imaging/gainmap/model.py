"""A gain map and its numbers; the level that changes nothing."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from PIL import Image

XMP: Final = b"http://ns.adobe.com/xap/1.0/\0"  # begins the segment of XMP
ISO: Final = b"urn:iso:std:iso:ts:21496:-1\0"  # begins the segment of ISO 21496-1
HDRGM: Final = "http://ns.adobe.com/hdr-gain-map/1.0/"

LARGEST_NUMBER: Final = 64
LEAST: Final = 0.001  # of a range or a gamma: what six decimals still hold

Channels = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class GainMap:
    """The picture, in L or RGB, and what its levels mean, in red, green and blue; the names are those of Ultra HDR.

    A level of 0..1 stands for log2(gain) = minimum + level ** (1 / gamma) * (maximum - minimum), and
    HDR = (SDR + offset_sdr) * gain - offset_hdr, in linear light. On a screen whose headroom is ``capacity_min`` stops
    the picture is shown without the map, from ``capacity_max`` on with all of it.

    Args:
        levels: what each of the 256 levels of a gray picture must become first; None where they are right.
    """

    picture: Image.Image
    minimum: Channels
    maximum: Channels
    gamma: Channels
    offset_sdr: Channels
    offset_hdr: Channels
    capacity_min: float
    capacity_max: float
    levels: Sequence[int] | None = None

    @property
    def by_channel(self) -> tuple[Channels, ...]:
        return self.minimum, self.maximum, self.gamma, self.offset_sdr, self.offset_hdr

    @property
    def has_one_curve(self) -> bool:
        return all(len(set(values)) == 1 for values in self.by_channel)

    def is_valid(self) -> bool:
        """Whether all numbers are finite, of use, and still so after they were written with six decimals."""
        numbers = [self.capacity_min, self.capacity_max, *(number for values in self.by_channel for number in values)]
        ranges = [high - low for low, high in zip(self.minimum, self.maximum, strict=True)]
        return (
            all(abs(number) <= LARGEST_NUMBER for number in numbers)  # which a NaN is not
            and min(ranges) >= LEAST
            and min(self.gamma) >= LEAST
            and self.capacity_min >= 0
            and self.capacity_max - self.capacity_min >= LEAST
        )


def with_neutral(gain_map: GainMap) -> GainMap:
    """The same map, in a range and a mode in which a level can stand for "no change"."""
    if gain_map.picture.mode == "L" and not gain_map.has_one_curve:
        gain_map = replace(gain_map, picture=gain_map.picture.convert("RGB"))
    low = three(min(0.0, value) for value in gain_map.minimum)
    high = three(max(0.0, value) for value in gain_map.maximum)
    if (low, high) == (gain_map.minimum, gain_map.maximum):
        return gain_map
    table: list[int] = []
    for channel in range(len(gain_map.picture.getbands())):
        minimum, gamma = gain_map.minimum[channel], gain_map.gamma[channel]
        span, wider = gain_map.maximum[channel] - minimum, high[channel] - low[channel]
        for level in range(256):
            stops = minimum + (level / 255) ** (1 / gamma) * span
            table.append(round(255 * ((stops - low[channel]) / wider) ** gamma))
    return replace(gain_map, picture=gain_map.picture.point(table), minimum=low, maximum=high)


def neutral(gain_map: GainMap) -> int | tuple[int, ...]:
    """The level, in each band, that stands for "no change": 0 only where the minimum is 0. See `with_neutral`."""
    levels = [
        round(255 * (-low / (high - low)) ** gamma)
        for low, high, gamma in zip(gain_map.minimum, gain_map.maximum, gain_map.gamma, strict=True)
    ]
    return levels[0] if gain_map.picture.mode == "L" else tuple(levels)


def three(values: Iterable[float]) -> Channels:
    red, green, blue = values
    return red, green, blue
