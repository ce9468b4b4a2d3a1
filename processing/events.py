"""What a message says: an SQS body becomes the S3 objects it speaks of."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ObjectCreated:
    """A version of an object that came to be.

    ``etag`` is the opaque version token without quotes. ``sequencer`` is kept for people and never compared: it is
    absent in backfills, and AWS's own pages contradict each other on its padding.
    """

    bucket: str
    key: str
    etag: str
    size: int | None = None
    sequencer: str | None = None
    version_id: str | None = None
    time: str | None = None


@dataclass(frozen=True, slots=True)
class ObjectRemoved:
    """An object that went away."""

    bucket: str
    key: str
    sequencer: str | None = None
    time: str | None = None


def parse(body: str) -> tuple[ObjectCreated | ObjectRemoved, ...]:
    """Read a message body in any of its forms; empty for ``s3:TestEvent``.

    Raises:
        MalformedMessage: the body is none of them.
    """
    raise NotImplementedError
