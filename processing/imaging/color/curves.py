"""Transfer characteristics by their number in ITU-T H.273, as curves of a profile; those of HDR are toned down to SDR.

PQ and HLG are shown on a screen whose white is HDR's diffuse white, 203 cd/m2 (ITU-R BT.2408). What is brighter is
rolled off by the tone curve of ITU-R BT.2390, section 5.4, for pictures mastered at 1,000 cd/m2: up to 92 cd/m2 nothing
changes, diffuse white becomes 79 % of the screen's, 1,000 cd/m2 all of it. Each of red, green and blue goes through it.
"""

import math
from functools import cache
from typing import Final

from processing.imaging.color import profile

AS_SRGB: Final = (1, 6, 13, 14, 15)  # those of cameras are shown as sRGB's, as browsers do
POWERS: Final = {4: 2.2, 5: 2.8, 8: 1.0}
PQ, HLG = 16, 18
HDR: Final = (PQ, HLG)

WHITE: Final = 203.0  # cd/m2
PEAK: Final = 1000.0
LEVELS: Final = 256  # of a table: one for each that a decoder gives
SYSTEM_GAMMA: Final = 1.2  # of HLG on a screen of 1,000 cd/m2: ITU-R BT.2100, table 5


@cache
def curve(transfer: int) -> bytes | None:
    """The curve of a profile; None for a number that has no meaning here."""
    if transfer in AS_SRGB:
        return profile.srgb_curve()
    if transfer in POWERS:
        return profile.power(POWERS[transfer])
    light = {PQ: pq_light, HLG: hlg_light}.get(transfer)
    return profile.table([toned(light(level / (LEVELS - 1))) for level in range(LEVELS)]) if light else None


def pq_light(signal: float) -> float:
    """cd/m2, by SMPTE ST 2084."""
    root = signal ** (32 / 2523)
    return float(10_000 * (max(root - 0.8359375, 0) / (18.8515625 - 18.6875 * root)) ** (16384 / 2610))


def pq_signal(light: float) -> float:
    power = (light / 10_000) ** (2610 / 16384)
    return float(((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** (2523 / 32))


def hlg_light(signal: float) -> float:
    """cd/m2 of a gray on a screen of 1,000 cd/m2, by ITU-R BT.2100, table 5."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = signal**2 / 3 if signal <= 0.5 else (math.exp((signal - c) / a) + b) / 12
    return float(PEAK * scene**SYSTEM_GAMMA)


def toned(light: float) -> float:
    """Linear light between black and white of an SDR screen, 0 to 1, for cd/m2 of an HDR screen."""
    peak = pq_signal(PEAK)
    source, white = min(1.0, pq_signal(light) / peak), pq_signal(WHITE) / peak
    knee = 1.5 * white - 0.5
    if source > knee:
        t = (source - knee) / (1 - knee)
        source = (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee) + (-2 * t**3 + 3 * t**2) * white
    return min(1.0, pq_light(source * peak) / WHITE)
