"""One image from its bytes to every variant of the recipe; and the memory that this takes, from its header alone."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain
from typing import Final

from PIL import Image

from processing.imaging import gainmap, geometry
from processing.imaging.budget import Budget
from processing.imaging.encode import (
    CONTENT_TYPES,
    WITHOUT_METADATA,
    WITHOUT_TRANSPARENCY,
    FrameSequence,
    can_animate,
    frame_converter,
    output_of,
)
from processing.imaging.formats import ANIMATED, play_count
from processing.imaging.losses import losses
from processing.imaging.original import Original, frame_duration, frames, open_original
from processing.imaging.preview import preview
from processing.imaging.steps import FINISH, FROM_LARGER, FROM_ORIGINAL, UNMARKED, Job, take
from processing.picture import Header, Preview, Rendered, RenderedVariant, Size, Source
from processing.recipe import Recipe

# Memory, as measured and rounded up: `tests/sandbox/test_memory_estimate.py` compares the engine with it
MEGABYTE: Final = 1 << 20
PIXEL_BYTES: Final = 4  # of a decoded pixel; Pillow stores RGB in four as well
WORKING_MEGABYTES: Final = 32.0  # for tables, profiles, encoders, and unused memory between the heap's blocks
PROGRESSIVE_PIXEL_BYTES: Final = 6  # a progressive JPEG's coefficients are all in memory before they become pixels
DECODE_FACTORS: Final = {"webp": 3.0, "avif": 3.0, "gif": 3.0}  # times the pixels: planes and canvases
HEIC_PLANES_FACTOR: Final = 2.25  # times the planes, beside the pixels: 1.2 to 2.1 at 48 MP, by depth and subsampling
DECODE_FACTOR: Final = 1.25  # times the pixels, in any other format
DIRECT_MODES: Final = ("L", "RGB", "CMYK")  # any other mode is unpacked to a second image first ...
UNPACK_FACTOR: Final = 1.25  # ... of this many times the pixels
VARIANT_PIXEL_BYTES: Final = 5  # of a variant's pixel, in RGB and in a palette

Pictures = dict[str, Image.Image]  # by the variant's name
Shown = tuple[Pictures, float]  # one frame, and its duration in milliseconds


def render(data: bytes, recipe: Recipe, only: Collection[str] | None = None) -> Rendered:
    """Make every variant of a recipe; the same bytes make the same variants.

    Args:
        only: the names of the variants to finish and encode. All are scaled, because a variant is scaled from the
            next larger one: so its bytes do not depend on the others.

    Raises:
        UnsupportedFormat, CorruptImage, ImageTooLarge: the bytes are at fault.
    """
    original = open_original(data, recipe.limits)
    lost = losses(original)
    jobs = [
        Job(layout, original.metadata.orientation, original.icc)
        for layout in geometry.plan(recipe.variants, original.shown_size)
    ]
    pictures = _scaled(original, jobs)
    first, duration = next(pictures)
    budget = Budget.of(original)
    if original.is_composed or not original.is_animated:
        original.image.close()  # frees the original's pixels before encoding
    transparent = any(picture.mode == "RGBA" for picture in first.values())
    jobs = [_with_output(job, original, transparent=transparent) for job in jobs]
    gain_map = _gain_map(original, jobs)
    if gain_map and all(job.keeps_hdr for job in jobs):
        lost.discard("hdr_gain_map")
    wanted = [job for job in jobs if only is None or job.name in only]
    distinct = list({job.result_key: job for job in wanted}.values())
    sequences = _sequences(original, distinct, (first, duration), pictures)
    made = {job.result_key: _variant(budget, job, sequences[job.name], gain_map) for job in distinct}
    variants = {job.name: replace(made[job.result_key], name=job.name) for job in wanted}
    return Rendered(
        source=_source(original, transparent=transparent),
        variants=tuple(variants[spec.name] for spec in recipe.variants if spec.name in variants),
        lost=tuple(sorted(lost | _lost_in(original, jobs, transparent=transparent))),
        preview=_preview(jobs, first),
    )


def _scaled(original: Original, jobs: Sequence[Job]) -> Iterator[Shown]:
    """Each frame at the size that each variant needs: the pixel work that variants share."""
    for frame in frames(original, jobs[0].stored_frame):
        duration = frame_duration(frame)
        scaled: Pictures = {}
        for job in jobs:
            larger = job.layout.parent
            scaled[job.name] = (
                take(FROM_ORIGINAL, frame, job) if larger is None else take(FROM_LARGER, scaled[larger], job)
            )
        del frame  # before the next one is decoded
        yield scaled, duration


def _with_output(job: Job, original: Original, *, transparent: bool) -> Job:
    return replace(job, output=output_of(job.layout.spec, original.header.image_format, transparent=transparent))


def _sequences(
    original: Original, jobs: Sequence[Job], first: Shown, others: Iterable[Shown]
) -> dict[str, FrameSequence]:
    """The finished frames of each variant; variants in formats without animation have only the first."""
    converters = {job.name: frame_converter(job.output) for job in jobs}
    frames: dict[str, list[Image.Image]] = {job.name: [] for job in jobs}
    durations: list[float] = []
    animated = [job for job in jobs if original.is_animated and can_animate(job.output)]
    for scaled, duration in chain([first], others if animated else ()):
        for job in animated if durations else jobs:
            frames[job.name].append(converters[job.name](take(FINISH, scaled[job.name], job)))
        durations.append(duration)
    plays = play_count(original.image)
    return {name: FrameSequence(reel, durations[: len(reel)], plays) for name, reel in frames.items()}


def _preview(jobs: Sequence[Job], first: Pictures) -> Preview:
    """Of the first frame of the smallest variant, without its mark; the same whichever variants are wanted."""
    smallest = min(jobs, key=lambda job: _area(job.layout.size))
    return preview(take(UNMARKED, first[smallest.name], smallest))


def _gain_map(original: Original, jobs: Sequence[Job]) -> gainmap.GainMap | None:
    """The original's gain map, decoded, if any variant keeps it: whichever are wanted, for `lost` is of all."""
    if original.gain_map is None or not any(job.keeps_hdr for job in jobs):
        return None
    return gainmap.decoded(original.gain_map, jobs[0].stored_frame)


def _variant(budget: Budget, job: Job, sequence: FrameSequence, gain_map: gainmap.GainMap | None) -> RenderedVariant:
    width, height = sequence.frames[0].size
    content = budget.content(job, sequence)
    if gain_map and job.keeps_hdr:
        content = gainmap.joined(content, gainmap.laid_out(gain_map, job))
    return RenderedVariant(job.name, job.output, CONTENT_TYPES[job.output], width, height, content)


def _source(original: Original, *, transparent: bool) -> Source:
    header = original.header
    width, height = original.shown_size
    return Source(
        image_format=header.image_format,
        mode=header.mode,
        width=width,
        height=height,
        has_transparency=transparent,
        frames=header.frames,
        created_date=original.metadata.created,
    )


def _lost_in(original: Original, jobs: Sequence[Job], *, transparent: bool) -> set[str]:
    """The properties that the output formats cannot store."""
    lost = set()
    if original.is_animated and not all(can_animate(job.output) for job in jobs):
        lost.add("animation")
    if transparent and any(job.output in WITHOUT_TRANSPARENCY for job in jobs):
        lost.add("transparency")
    wanted = [job for job in jobs if job.layout.spec.metadata == "copyright" and original.metadata.copyright]
    if any(job.output in WITHOUT_METADATA for job in wanted):
        lost.add("copyright")
    return lost


def memory_estimate(header: Header, recipe: Recipe) -> float:
    """The megabytes that rendering takes at most, beyond the engine itself and the file's own bytes."""
    size = header.width, header.height
    layouts = geometry.plan(recipe.variants, size)
    frames = header.frames if header.image_format in ANIMATED else 1
    made = sum(_area(layout.canvas or layout.frame) for layout in layouts)
    largest = max(_area(layout.frame) for layout in layouts)
    if header.image_format == "jpeg":
        source = _jpeg_bytes(header, geometry.GAP**2 * largest)
        if header.gain_map:  # which is decoded when the picture is closed; that of a variant has a sixteenth of it
            source = max(source, _jpeg_bytes(header.gain_map, gainmap.FINEST**2 * largest))
    else:
        source = _area(size) * _decoded_bytes(header)
    # Of each variant every frame, and two more while one is cropped, marked or encoded
    return WORKING_MEGABYTES + (source + made * VARIANT_PIXEL_BYTES * (frames + 2)) / MEGABYTE


def _jpeg_bytes(header: Header, needed: float) -> float:
    """Of a JPEG's pixels, decoded at a scale of 1, 1/2, 1/4 or 1/8 that gives at least the pixels ``needed``."""
    pixels = header.width * header.height
    decoded = min(pixels, max(4 * needed, pixels / 64))
    return decoded * PIXEL_BYTES + (pixels * PROGRESSIVE_PIXEL_BYTES if header.progressive else 0)


def _decoded_bytes(header: Header) -> float:
    """The bytes of each pixel while all are decoded at once."""
    unpacked = 0 if header.mode in DIRECT_MODES else PIXEL_BYTES * UNPACK_FACTOR
    if header.image_format == "heic":
        return PIXEL_BYTES + HEIC_PLANES_FACTOR * header.plane_bytes + unpacked
    return PIXEL_BYTES * DECODE_FACTORS.get(header.image_format, DECODE_FACTOR) + unpacked


def _area(size: Size) -> int:
    return size[0] * size[1]
