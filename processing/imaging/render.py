"""One image from its bytes to every variant of the recipe."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain
from typing import Final

from PIL import Image

from processing import geometry
from processing.imaging import gainmap
from processing.imaging.budget import Budget
from processing.imaging.encode import (
    CONTENT_TYPES,
    WITHOUT_METADATA,
    WITHOUT_TRANSPARENCY,
    FrameSequence,
    frame_converter,
    preview,
)
from processing.imaging.formats import play_count
from processing.imaging.losses import losses
from processing.imaging.original import Original, frame_duration, frames, open_original
from processing.imaging.reel import Reel
from processing.imaging.resize import free_memory
from processing.imaging.steps import FINISH, FROM_LARGER, FROM_ORIGINAL, UNMARKED, UNPACK, Job, take
from processing.picture import ANIMATED, Preview, Rendered, RenderedVariant, Size, Source, output_of
from processing.recipe import Recipe

LARGE: Final = 16_000_000  # pixels: smaller ones are rendered faster with the memory of the one before

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
    decoded = frames(original, jobs[0].stored_frame)
    first_decoded = next(decoded)
    budget = Budget.of(original)
    pictures = _scaled(original, chain([first_decoded], decoded), jobs)
    del first_decoded
    first, duration = next(pictures)
    if original.is_composed or not original.is_animated:
        original.image.close()  # frees the original's pixels before encoding
        _free_if_large(original)
    transparent = any(picture.mode == "RGBA" for picture in first.values())
    jobs = [_with_output(job, original, transparent=transparent) for job in jobs]
    gain_map = _gain_map(original, jobs)
    if gain_map and all(job.keeps_hdr for job in jobs):
        lost.discard("hdr_gain_map")
    wanted = [job for job in jobs if only is None or job.name in only]
    distinct = list({job.result_key: job for job in wanted}.values())
    sequences = _sequences(original, distinct, (first, duration), pictures)
    # The smallest first: while the largest is encoded, no other frames are held
    made = {job.result_key: _variant(budget, job, sequences.pop(job.name), gain_map) for job in reversed(distinct)}
    variants = {job.name: replace(made[job.result_key], name=job.name) for job in wanted}
    return Rendered(
        source=_source(original, transparent=transparent),
        variants=tuple(variants[spec.name] for spec in recipe.variants if spec.name in variants),
        lost=tuple(sorted(lost | _lost_in(original, jobs, transparent=transparent))),
        preview=_preview(jobs, first),
    )


def _scaled(original: Original, decoded: Iterable[Image.Image], jobs: Sequence[Job]) -> Iterator[Shown]:
    """Each frame at the size that each variant needs: the pixel work that variants share."""
    for frame in decoded:
        duration = frame_duration(frame)
        unpacked = _unpacked(original, frame, jobs[0])
        scaled: Pictures = {}
        for job in jobs:
            larger = job.layout.parent
            scaled[job.name] = (
                take(FROM_ORIGINAL, unpacked, job) if larger is None else take(FROM_LARGER, scaled[larger], job)
            )
        del frame  # before the next one is decoded
        yield scaled, duration


def _unpacked(original: Original, frame: Image.Image, job: Job) -> Image.Image:
    """A frame in a mode that is resized. Of a still, whatever it was converted from is freed: it may be very large."""
    for step in UNPACK:
        converted = step(frame, job)
        if converted is not frame and not original.is_animated:
            frame.close()
            _free_if_large(original)
        frame = converted
    return frame


def _with_output(job: Job, original: Original, *, transparent: bool) -> Job:
    return replace(job, output=output_of(job.layout.spec, original.header.image_format, transparent=transparent))


def _free_if_large(original: Original) -> None:
    if original.header.width * original.header.height > LARGE:
        free_memory()


def _sequences(
    original: Original, jobs: Sequence[Job], first: Shown, others: Iterable[Shown]
) -> dict[str, FrameSequence]:
    """The finished frames of each variant; variants in formats without animation have only the first."""
    converters = {job.name: frame_converter(job.output) for job in jobs}
    pictures, duration = first
    animated = {job.name: Reel() for job in jobs if original.is_animated and job.output in ANIMATED}
    stills = {job.name: [converters[job.name](take(FINISH, pictures[job.name], job))] for job in jobs}
    durations = [duration]
    for name, reel in animated.items():
        reel.append(stills[name][0])
    for scaled, its_duration in others if animated else ():
        durations.append(its_duration)
        for job in jobs:
            if job.name in animated:
                animated[job.name].append(converters[job.name](take(FINISH, scaled[job.name], job)))
    plays = play_count(original.image)
    return {name: FrameSequence(reel, durations[: len(reel)], plays) for name, reel in (stills | animated).items()}


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
    if original.is_animated and not all(job.output in ANIMATED for job in jobs):
        lost.add("animation")
    if transparent and any(job.output in WITHOUT_TRANSPARENCY for job in jobs):
        lost.add("transparency")
    wanted = [job for job in jobs if job.layout.spec.metadata == "copyright" and original.metadata.copyright]
    if any(job.output in WITHOUT_METADATA for job in wanted):
        lost.add("copyright")
    return lost


def _area(size: Size) -> int:
    return size[0] * size[1]
