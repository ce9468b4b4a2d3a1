"""The uploaded images, by class; each is made once and kept in a folder."""

import json
import re
from collections.abc import Mapping
from itertools import cycle, islice
from pathlib import Path
from typing import Any

BATCHES: Mapping[str, tuple[str, ...]] = {
    "small": ("small/0", "small/1", "small/2", "small/3", "small/4") * 2,
    "12 MP": ("photo/0", "photo/1") * 5,
    "12 MP, soft": ("large/0", "large/1") * 5,
    "mixed": (
        "small/0",
        "small/1",
        "small/2",
        "small/3",
        "small/4",
        "small/0",
        "photo/0",
        "photo/1",
        "huge/0",
        "png/0",
    ),
    "tiny": ("tiny/0",) * 10,
}
"""The originals of ten messages. Mixed: six for the web, two from phones, one of 24 MP, one PNG like a screenshot."""


def prepare(folder: Path) -> dict[str, bytes]:
    """Return every original by its name, which is also the name of its file in the folder."""
    for name, (width, height, detail, grain, kind, options) in _SCENES.items():
        file = folder / name
        if not file.exists():
            from bench.engine import images  # here, because numpy and pyvips are needed only once

            file.parent.mkdir(parents=True, exist_ok=True)
            picture = images.scene(width, height, seed=int(name[-1]), detail=detail, grain=grain)
            file.write_bytes(images.saved(picture, kind, **options))
    return {name: (folder / name).read_bytes() for name in _SCENES}


_SCENES: dict[str, tuple[int, int, float, float, str, dict[str, Any]]] = {  # size, detail, grain, format, its options
    **{f"small/{number}": (1440, 1080, 0.6, 2, "JPEG", {"quality": 88}) for number in range(5)},
    **{f"photo/{number}": (4000, 3000, 0.7, 7, "JPEG", {"quality": 92}) for number in range(2)},  # 3.7 MB
    **{f"large/{number}": (4000, 3000, 0.6, 3, "JPEG", {"quality": 95}) for number in range(2)},  # 2.9 MB
    "huge/0": (6000, 4000, 0.6, 3, "JPEG", {"quality": 95}),
    "png/0": (1600, 1200, 0.6, 2, "PNG", {"compress_level": 6}),
    "tiny/0": (96, 72, 0.6, 2, "JPEG", {"quality": 88}),
}


def batch(kind: str, first: int, originals: Mapping[str, bytes], *, count: int = 10) -> dict[str, Any]:
    """Return Lambda's event for new uploads, numbered from ``first`` so that no key is used twice."""
    names = islice(cycle(BATCHES[kind]), count)
    return event({key_of(name, first + place): len(originals[name]) for place, name in enumerate(names)})


def key_of(name: str, number: int) -> str:
    return f"images/{name}-{number:08}.{'png' if name.startswith('png') else 'jpg'}"


def original_of(key: str) -> str:
    """Return the name of an object's original, from its key or from the path of a request for it."""
    return re.split(r"/images/|^images/", key)[-1].rpartition("-")[0]


def etag_of(key: str) -> str:
    return original_of(key).replace("/", "-")


def event(uploads: Mapping[str, int]) -> dict[str, Any]:
    """Return Lambda's event for uploads of these keys and sizes."""
    return {"Records": [_record(key, size) for key, size in uploads.items()]}


def _record(key: str, size: int) -> dict[str, Any]:
    described = {"key": key, "eTag": etag_of(key), "size": size, "sequencer": "0055AED6DCD90281E5"}
    upload = {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": "eu-west-1",
        "eventTime": "2026-11-21T07:00:00.000Z",
        "eventName": "ObjectCreated:Put",
        "s3": {"s3SchemaVersion": "1.0", "bucket": {"name": "uploads"}, "object": described},
    }
    return {
        "messageId": key,
        "receiptHandle": f"handle of {key}",
        "body": json.dumps({"Records": [upload]}),
        "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "1795244400000"},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:eu-west-1:123456789012:uploads",
        "awsRegion": "eu-west-1",
    }
