"""A bucket that somebody has is taken in whole: its new objects by EventBridge, its old ones by a backfill."""

import io
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml
from PIL import Image

from ops.cli.queues import depth_of
from ops.local.stack import LocalStack
from tests.service.packaged_service import PROJECT, copy_project

BUCKET: Final = "ten-years-of-originals"
PARAMETERS: Final = {
    "uploadsBucket": BUCKET,
    "uploadsPrefix": "",
    "existing": "uploads",
    "ingest": "eventbridge",
    "removals": True,
}
FOLDERS: Final = ("", "2016/", "2017/Sommer in Köln/", "crm/export+1/a%20b/", "images/")
BESIDE: Final = {"2016/": b"", "2016/.DS_Store": b"finder", "crm/CLIP.MOV": b"film"}
"""What is no picture and no fault of anybody's: a folder of the console, and what the recipe ignores."""
VARIANTS: Final = 3
PATIENCE: Final = 600.0  # seconds


@dataclass
class Taken:
    """What came of a run; ``faults`` is empty when every original has its variants, and nothing else has any."""

    originals: int = 0
    arrived: int = 0
    removed: int = 0
    sent: int = 0
    variants: int = 0
    dead: int = 0
    backfill_seconds: float = 0.0
    seconds: float = 0.0
    faults: list[str] = field(default_factory=list)


@contextmanager
def stack_on(parameters: Mapping[str, object], work_dir: Path, progress: Callable[[str], None]) -> Iterator[LocalStack]:
    """A local stack whose stage has other parameters, deployed from a copy of the project that keeps its cache."""
    project = work_dir / "project"
    copy_project(project)
    described = project / "serverless.yml"
    content: dict[str, Any] = yaml.safe_load(described.read_text())
    content["params"]["local"].update(parameters)
    described.write_text(yaml.safe_dump(content, sort_keys=False))
    (PROJECT / ".cache").mkdir(exist_ok=True)
    (project / ".cache").symlink_to(PROJECT / ".cache")
    with LocalStack(project, work_dir=work_dir, progress=progress) as stack:
        yield stack


class Existing:
    """One run on a stack of its own.

    Args:
        originals: how many pictures the bucket has before the stage knows of it.
        work_dir: for logs and a copy of the project.
        progress: called with a few words at the beginning of each step.
    """

    def __init__(self, *, originals: int, work_dir: Path, progress: Callable[[str], None]) -> None:
        self._rng = random.Random(originals)
        self._work_dir = work_dir
        self._progress = progress
        self.result = Taken(originals=originals, arrived=max(2, originals // 10))

    def run(self) -> Taken:
        """Fill a bucket, do what its owner does, upload, backfill, remove, and look."""
        started = time.monotonic()
        with stack_on(PARAMETERS, self._work_dir, self._progress) as stack:
            self._stack, self._s3 = stack, stack.client("s3")
            self._fill()
            self._as_the_owner()
            self._arrive()
            self._operate()
            self._backfill()
            self._remove()
            self._look()
        self.result.seconds = round(time.monotonic() - started, 1)
        return self.result

    def _fill(self) -> None:
        self._progress(f"{self.result.originals:,} originals in a bucket of somebody's")
        self._s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": self._stack.region})
        self._put({self._key(number): self._picture() for number in range(self.result.originals)} | BESIDE)

    def _as_the_owner(self) -> None:
        """The two commands of docs/deploying.md."""
        settings = {name: json.loads(self._stack.outputs[f"UploadsBucket{name}"]) for name in ("Notification", "Cors")}
        self._s3.put_bucket_notification_configuration(
            Bucket=BUCKET, NotificationConfiguration=settings["Notification"]
        )
        self._s3.put_bucket_cors(Bucket=BUCKET, CORSConfiguration=settings["Cors"])

    def _arrive(self) -> None:
        self._progress(f"{self.result.arrived:,} new ones")
        before = self.result.originals
        new = [self._key(number) for number in range(before, before + self.result.arrived)]
        self._put({key: self._picture() for key in new})
        self._wait(lambda: set(new) == self._done(), "the new ones by EventBridge")

    def _operate(self) -> None:
        """What the doctor finds, CORS by the owner's rule included, and an image by its key."""
        self._progress("doctor")
        checks = self._darkroom("doctor", "--json")["checks"]
        self.result.faults += [
            f"doctor: {each['name']}: {each['found']}" for each in checks if each["status"] == "fail"
        ]
        key = self._key(self.result.originals)
        shown = self._darkroom("show", key, "--json")
        if shown["key"] != key:
            self.result.faults.append(f"show {key}: {shown}")

    def _backfill(self) -> None:
        self._progress("backfill")
        started = time.monotonic()
        self.result.sent = self._darkroom("backfill", "--json")["sent"]
        total = self.result.originals + self.result.arrived
        self._wait(lambda: len(self._done()) == total, "the old ones by the backfill")
        self.result.backfill_seconds = round(time.monotonic() - started, 1)

    def _remove(self) -> None:
        """One by its owner, and one by a lifecycle rule, whose event the emulator does not send by itself."""
        deleted, expired = self._key(0), self._key(1)
        self._s3.delete_object(Bucket=BUCKET, Key=deleted)
        self._s3.put_bucket_notification_configuration(Bucket=BUCKET, NotificationConfiguration={})
        self._s3.delete_object(Bucket=BUCKET, Key=expired)
        thing = {"key": expired, "etag": "d41d8cd98f00b204e9800998ecf8427e", "sequencer": "1"}
        detail = {"version": "0", "bucket": {"name": BUCKET}, "object": thing, "reason": "Lifecycle Expiration"}
        event = {"Source": "aws.s3", "DetailType": "Object Deleted", "Detail": json.dumps(detail)}
        self._stack.client("events").put_events(Entries=[event])
        self._wait(lambda: not {deleted, expired} & self._done(), "the removed ones")
        self.result.removed = 2

    def _look(self) -> None:
        """Every original has its variants by the audit, no other thing has any, and nothing died."""
        sqs, outputs = self._stack.client("sqs"), self._stack.outputs
        self._wait(lambda: not depth_of(sqs, outputs["UploadsQueueUrl"]).total, "an empty queue")
        self.result.dead = depth_of(sqs, outputs["UploadsDlqUrl"]).total
        self.result.variants = len(self._keys(outputs["VariantsBucket"]))
        wanted = VARIANTS * (self.result.originals + self.result.arrived - self.result.removed)
        if self.result.variants != wanted:
            self.result.faults.append(f"{self.result.variants} variants, not {wanted}")
        if self.result.dead:
            self.result.faults.append(f"{self.result.dead} messages died")
        audit = self._darkroom("audit", "--deep", "--json")
        self.result.faults += [f"audit: {name}: {count}" for name, count in audit["found"].items() if count]

    def _done(self) -> set[str]:
        """The keys that have all their variants."""
        found: dict[str, int] = {}
        for key in self._keys(self._stack.outputs["VariantsBucket"]):
            found[key.partition("/")[2]] = found.get(key.partition("/")[2], 0) + 1
        return {key for key, count in found.items() if count == VARIANTS}

    def _keys(self, bucket: str) -> list[str]:
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        return [each["Key"] for page in pages for each in page.get("Contents", ())]

    def _put(self, objects: Mapping[str, bytes]) -> None:
        with ThreadPoolExecutor(4) as threads:
            list(
                threads.map(lambda each: self._s3.put_object(Bucket=BUCKET, Key=each[0], Body=each[1]), objects.items())
            )

    def _key(self, number: int) -> str:
        return f"{FOLDERS[number % len(FOLDERS)]}photo {number:04d}.jpg"

    def _picture(self) -> bytes:
        out = io.BytesIO()
        noise = Image.frombytes("RGB", (8, 6), self._rng.randbytes(8 * 6 * 3))
        noise.resize((160, 120)).save(out, "JPEG")
        return out.getvalue()

    def _darkroom(self, *arguments: str) -> Any:
        run = subprocess.run(
            [sys.executable, "-m", "ops", *arguments, "--stage", "local"],
            cwd=PROJECT,
            env=os.environ | self._stack.environ(),
            capture_output=True,
            text=True,
            check=False,
        )
        if not run.stdout:
            raise RuntimeError(run.stderr)
        return json.loads(run.stdout)

    def _wait(self, is_so: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while not is_so():
            self._stack.player.raise_if_broken()
            if time.monotonic() > deadline:
                raise TimeoutError(f"{what}: not within {PATIENCE:.0f} s")
            time.sleep(0.5)
