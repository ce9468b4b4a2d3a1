"""Makers of what travels through the start command."""

from pathlib import Path

from ops.images import Record, Variant
from ops.start.ends import End, Outcome
from ops.start.photos import Photo
from ops.start.uploads import Upload


def upload(name="cat.jpg", *, etag="e1", size=1000, folder=Path("photos"), shown=True):
    return Upload(Photo(folder / name, name, shown), "uploads", f"images/{name}", etag, size)


def done(name="cat.jpg", **more):
    boxes = {"desktop": 1920, "phone": 480}
    variants = tuple(Variant(each, f"{each}/{name}", "jpeg", box, box // 2, box) for each, box in boxes.items())
    record = Record("DONE", image_format="jpeg", mode="RGB", width=4000, height=2000, variants=variants)
    return End(upload(name, **more), Outcome.DONE, record)


def dead(name="bad.jpg", *, cause="CorruptImage", message="it breaks off", **more):
    return End(upload(name, **more), Outcome.DEAD_LETTER, Record("REJECTED", cause=cause, message=message))
