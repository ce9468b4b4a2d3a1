"""The whole way of one image: its bytes in, every variant of the recipe out."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace

from PIL import Image

from processing.imaging import animation, geometry
from processing.imaging.encode import CONTENT_TYPES, WITHOUT_METADATA, Film, can_move, encode, output_of, packer
from processing.imaging.losses import losses
from processing.imaging.original import Original, frames, open_original
from processing.imaging.steps import FINISH, FROM_LARGER, FROM_ORIGINAL, Job, take
from processing.picture import Rendered, RenderedVariant, Source
from processing.recipe import Recipe

Pictures = dict[str, Image.Image]  # by the variant's name


def render(data: bytes, recipe: Recipe, only: Collection[str] | None = None) -> Rendered:
    """Make every variant of a recipe; the same bytes make the same variants.

    Args:
        only: the names of the variants to finish and encode. All are scaled, since a variant is scaled from the next
            larger one: so it has the same bytes whichever others are made.

    Raises:
        UnsupportedFormat, CorruptImage, ImageTooLarge: the bytes are at fault.
    """
    original = open_original(data, recipe.limits)
    lost = losses(original)
    jobs = [
        Job(layout, original.about.orientation, original.icc)
        for layout in geometry.plan(recipe.variants, original.shown_size)
    ]
    pictures = _scaled(original, jobs)
    first = next(pictures)
    if not original.moves:
        original.image.close()  # frees the original's pixels before anything is encoded
    transparent = any(picture.mode == "RGBA" for picture in first.values())
    jobs = [_with_output(job, original, transparent=transparent) for job in jobs]
    wanted = [job for job in jobs if only is None or job.name in only]
    unlike = list({job.look: job for job in wanted}.values())
    films = _films(original, unlike, first, pictures)
    made = {job.look: _variant(original, job, films[job.name]) for job in unlike}
    variants = {job.name: replace(made[job.look], name=job.name) for job in wanted}
    return Rendered(
        source=_source(original, transparent=transparent),
        variants=tuple(variants[spec.name] for spec in recipe.variants if spec.name in variants),
        lost=tuple(sorted(lost | _lost_in(original, jobs))),
    )


def _scaled(original: Original, jobs: Sequence[Job]) -> Iterator[Pictures]:
    """Frame by frame, the whole picture at the size each variant needs: the pixel work that variants share."""
    for frame in frames(original, jobs[0].stored_frame):
        scaled: Pictures = {}
        for job in jobs:
            larger = job.layout.parent
            scaled[job.name] = (
                take(FROM_ORIGINAL, frame, job) if larger is None else take(FROM_LARGER, scaled[larger], job)
            )
        yield scaled


def _with_output(job: Job, original: Original, *, transparent: bool) -> Job:
    return replace(job, output=output_of(job.layout.spec, original.header.image_format, transparent=transparent))


def _films(original: Original, jobs: Sequence[Job], first: Pictures, others: Iterable[Pictures]) -> dict[str, Film]:
    """The finished frames of each variant; those that cannot move have the first one only."""
    packers = {job.name: packer(job.output) for job in jobs}
    reels = {job.name: [packers[job.name](take(FINISH, first[job.name], job))] for job in jobs}
    durations = [animation.timing(original.image)]
    moving = [job for job in jobs if original.moves and can_move(job.output)]
    for scaled in others if moving else ():
        durations.append(animation.timing(original.image))
        for job in moving:
            reels[job.name].append(packers[job.name](take(FINISH, scaled[job.name], job)))
    plays = animation.plays(original.image)
    return {name: Film(reel, durations[: len(reel)], plays) for name, reel in reels.items()}


def _variant(original: Original, job: Job, film: Film) -> RenderedVariant:
    spec = job.layout.spec
    notice = original.about.copyright if spec.metadata == "copyright" else None
    width, height = film.frames[0].size
    content = encode(film, job.output, spec, notice)
    return RenderedVariant(spec.name, job.output, CONTENT_TYPES[job.output], width, height, content)


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
        created_date=original.about.created,
    )


def _lost_in(original: Original, jobs: Sequence[Job]) -> set[str]:
    """What the formats that were chosen cannot hold."""
    lost = set()
    if original.moves and not all(can_move(job.output) for job in jobs):
        lost.add("animation")
    wanted = [job for job in jobs if job.layout.spec.metadata == "copyright" and original.about.copyright]
    if any(job.output in WITHOUT_METADATA for job in wanted):
        lost.add("copyright")
    return lost
