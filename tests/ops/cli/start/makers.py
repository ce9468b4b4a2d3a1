"""Makers of what travels through the start command."""

from pathlib import Path

from ops.cli.follow import End
from ops.cli.start.photos import Photo
from processing.ledger import ImageRecord, Phase, Reason, Record, Status, VariantRecord, Version
from processing.naming import variant_key


class Borrowed:
    """The stack that is running already, in place of one of the command's own; ``ended_by`` an error, or None."""

    def __init__(self, stack):
        self.stack = stack
        self.ended_by = None

    def __call__(self, *_arguments, **_more):
        return self

    def __enter__(self):
        return self.stack

    def __exit__(self, kind, *_error):
        self.ended_by = kind


def photo(name="cat.jpg", *, size=1000, folder=Path("photos"), shown=True):
    return Photo(folder / name, name, size, shown)


def version(name="cat.jpg"):
    return Version("uploads", f"images/{name}", "e1")


def done(name="cat.jpg", *, image_format="jpeg", mode="RGB", lost=(), timings=None, **more):
    boxes = {"desktop": 1920, "phone": 480}
    keys = {each: variant_key(name, prefix="", variant=each, output_format="keep") for each in boxes}
    variants = tuple(VariantRecord(each, keys[each], "jpeg", box, box // 2, box) for each, box in boxes.items())
    image = ImageRecord(
        image_format, mode, 4000, 2000, 1000, "image/jpeg", False, None, variants, lost, timings=timings or {}
    )
    record = Record(version(name), Status.DONE, image=image)
    return End(photo(name, **more), version(name), Phase.DONE, record)


def dead(name="bad.jpg", *, cause="CorruptImage", message="it breaks off", **more):
    record = Record(version(name), Status.REJECTED, reason=Reason(cause, message))
    return End(photo(name, **more), version(name), Phase.REJECTED, record)


def left(name="slow.jpg", *, cause="", message="come back later"):
    reason = Reason(cause, message) if cause else None
    record = Record(version(name), Status.FAILED if cause else Status.IN_PROGRESS, reason=reason)
    return End(photo(name), version(name), None, record)
