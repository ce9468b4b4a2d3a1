"""JPEG, WebP and AVIF at equal similarity: the qualities that give the SSIM of a JPEG of the default quality.

Each variant is scaled from its original in floating point (`quality.reference`), rounded to 8 bits, and encoded by
this engine's encoders at their default effort. SSIM is that of the decoded file to the picture in floating point.
"""

import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from bench import page
from bench.engine import quality
from bench.engine.classes import HEADLINE, Job, sizes_of
from bench.machine import sentence
from processing.imaging.encode import DEFAULT_QUALITY, FrameSequence, encode
from processing.recipe import VariantSpec

SCENES: Final = (HEADLINE, "JPEG 12 MP, soft")
SAMPLES: Final = ("blue-marble", "dandelions", "hubble-deep-field", "portrait-by-exif", "rocket")
"""The photos among the samples."""
Lossy: TypeAlias = Literal["jpeg", "webp", "avif"]
FORMATS: Final[tuple[Lossy, ...]] = ("jpeg", "webp", "avif")
OTHERS: Final = FORMATS[1:]
QUALITIES: Final = range(1, 101)
TITLES: Final = {"jpeg": "JPEG", "webp": "WebP", "avif": "AVIF"}

Array: TypeAlias = Any  # mypy runs with and without numpy


@dataclass(frozen=True)
class Encoded:
    """A file of one format at one quality."""

    quality: int
    ssim: float
    bytes: int
    cpu_ms: float


def measure(name: str, file: Path) -> dict[str, dict[str, Any]]:
    """Return, by variant, each format at its default quality and, as ``webp=`` and ``avif=``, at the JPEG's SSIM.

    The latter is the lowest quality that reaches it, or None.
    """
    from PIL import Image

    with Image.open(file) as image:
        sizes = sizes_of(image.size)
    job = Job(name, str(file), "jpeg", 0, sizes, {}, False)
    data, distinct = file.read_bytes(), {size: variant for variant, size in reversed(sizes.items())}
    return {variant: _compared(quality.reference(job, data, variant)) for variant in reversed(distinct.values())}


def _compared(reference: Array) -> dict[str, Any]:
    made = {each: _encoder(reference, each) for each in FORMATS}
    found: dict[str, Any] = {each: asdict(made[each](DEFAULT_QUALITY[each])) for each in FORMATS}
    for each in OTHERS:
        reached = lowest(made[each], found["jpeg"]["ssim"])
        found[f"{each}="] = reached and asdict(reached)
    return found


def _encoder(reference: Array, output: Lossy) -> Callable[[int], Encoded]:
    picture = quality.rounded(reference)

    def at(number: int) -> Encoded:
        width, height = picture.size
        spec = VariantSpec(name=output, width=width, height=height, format=output, quality=number)
        started = time.process_time()
        content = encode(FrameSequence([picture]), output, spec, None)
        took = (time.process_time() - started) * 1000
        return Encoded(number, quality.ssim(reference, quality.on_white(content)), len(content), took)

    return at


def lowest(at: Callable[[int], Encoded], ssim: float) -> Encoded | None:
    """Return the lowest quality with at least this SSIM, by bisection: SSIM grows with the quality."""
    low, high, found = QUALITIES.start, QUALITIES.stop, None
    while low < high:
        middle = (low + high) // 2
        made = at(middle)
        if made.ssim >= ssim:
            found, high = made, middle
        else:
            low = middle + 1
    return found


def text(results: Mapping[str, Any]) -> str:
    """Return the table, and the numbers that it gives."""
    about, found = results["before"], results["pictures"]
    head = [
        "SSIM and KB of desktop / tablet / phone",
        *(f"{TITLES[each]} {DEFAULT_QUALITY[each]}" for each in FORMATS),
        *(f"{TITLES[each]} at JPEG's SSIM: quality, KB" for each in OTHERS),
    ]
    table = page.table(head, [row(name, each) for name, each in found.items()], column="---")
    sums = [_in_words(each, list(_variants(found)), about["cpu"]) for each in OTHERS]
    return "\n\n".join([sentence(about, results["after"]), table, "\n".join(f"- {each}" for each in sums)])


def row(name: str, by_variant: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the cells of one original."""
    cells = []
    for each in FORMATS:
        ssim = " / ".join(f"{made[each]['ssim']:.4f}".lstrip("0") for made in by_variant.values())
        cells.append(f"{ssim}, {_kilobytes(by_variant.values(), each)}")
    for each in OTHERS:
        numbers = " / ".join(
            str(found[f"{each}="]["quality"]) if found[f"{each}="] else "-" for found in by_variant.values()
        )
        cells.append(f"{numbers}, {_kilobytes(by_variant.values(), f'{each}=')}")
    return [name, *cells]


def _kilobytes(found: Sequence[Mapping[str, Any]] | Any, way: str) -> str:
    return f"{sum(each[way]['bytes'] if each[way] else 0 for each in found) / 1000:.0f}"


def _variants(found: Mapping[str, Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for by_variant in found.values():
        yield from by_variant.values()


def _in_words(output: str, found: Sequence[Mapping[str, Any]], processor: str) -> str:
    reached = [each for each in found if each[f"{output}="]]
    numbers = [each[f"{output}="]["quality"] for each in reached]
    low, middle, high = statistics.quantiles(numbers, n=4)
    size, cpu = (
        statistics.median(each[f"{output}="][of] / each["jpeg"][of] for each in reached) for of in ("bytes", "cpu_ms")
    )
    gap = statistics.median(each[output]["ssim"] - each["jpeg"]["ssim"] for each in found)
    return (
        f"{TITLES[output]} {middle:.0f} has the SSIM of JPEG {DEFAULT_QUALITY['jpeg']}: the median of {len(found)}"
        f" variants, with quartiles of {low:.0f} and {high:.0f}; {len(found) - len(reached)} reach it at no quality. It"
        f" takes {size:.2f} of the JPEG's bytes, and {cpu:.1f} times the CPU to encode ({processor}). At today's"
        f" {DEFAULT_QUALITY[output]} the SSIM is {gap:+.4f} to the JPEG's."
    )
