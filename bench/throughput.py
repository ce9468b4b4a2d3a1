"""The throughput of the whole pipeline on this machine: images a second, CPU and memory of every process.

Run as ``python -m bench.throughput [--images 1000] [--environments N] [--json]``. The local stack is started as for
``npm start``; then small JPEGs of about 50 KB are uploaded while the consumer processes them. Linux only: CPU time and
memory are read from /proc.
"""

import argparse
import io
import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

from PIL import Image

from bench.processes import cpu_seconds, family, proportional_bytes
from bench.runner import PROJECT
from ops.local.stack import LocalStack

UPLOADERS = 4
SAMPLE_SECONDS = 0.5
GROUPS = ("emulator", "environments", "runner")
"""The moto server; the consumer's processes, each with its renderers; the process that uploads, polls and invokes."""


@dataclass
class Sample:
    """CPU seconds so far and megabytes of each group of processes, after so many images."""

    seconds: float
    images: int
    cpu: dict[str, float]
    memory: dict[str, float]


@dataclass
class Result:
    """The figures; times in seconds, memory in megabytes."""

    images: int
    environments: int
    cores: int
    kilobytes_each: float
    seconds: float
    images_per_second: float
    lost: int
    dead_letters: int
    variants: int
    cpu_per_image_ms: dict[str, float]
    cores_used: dict[str, float]
    peak_memory: dict[str, float]
    samples: list[Sample] = field(default_factory=list)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit 0 when nothing was lost, else 1."""
    options = _parse(arguments)
    with tempfile.TemporaryDirectory() as work:
        stack = LocalStack(PROJECT, work_dir=Path(work), progress=_say, environments=options.environments)
        with stack:
            result = measure(stack, options.images)
    sys.stdout.write(json.dumps(asdict(result), indent=1) + "\n" if options.json else table(result))
    return 0 if result.lost == 0 and result.dead_letters == 0 else 1


def measure(stack: LocalStack, count: int) -> Result:
    """Upload ``count`` images and wait until every one is DONE."""
    _say(f"making {count} images")
    images = list(small_jpegs(count))
    wait_until_idle(stack)
    before = stack.player.counts.deleted
    meter = Meter(stack, lambda: stack.player.counts.deleted - before)
    _say(f"uploading {count} images of {sum(map(len, images)) / count / 1000:.0f} kB and waiting for their variants")
    with meter, ThreadPoolExecutor(UPLOADERS) as uploaders:
        for upload in [uploaders.submit(_put, stack, number, data) for number, data in enumerate(images)]:
            upload.result()
        while stack.player.counts.deleted - before < count and not _dead_letters(stack):
            stack.raise_if_broken()
            time.sleep(SAMPLE_SECONDS)
    return _result(stack, images, meter)


def small_jpegs(count: int) -> Iterator[bytes]:
    """Yield so many different JPEGs with the detail of photographs: 1200 x 800, soft and a little noisy."""
    texture = Image.effect_noise((1200 + 64, 800 + 64), 12)
    clouds = Image.effect_noise((40, 30), 160).resize(texture.size, Image.Resampling.BICUBIC)
    picture = Image.merge("RGB", (clouds, Image.blend(clouds, texture, 0.35), texture.rotate(180)))
    for number in range(count):
        x, y = number % 64, number // 64 % 64
        encoded = io.BytesIO()
        picture.crop((x, y, x + 1200, y + 800)).save(encoded, "JPEG", quality=40, comment=str(number).encode())
        yield encoded.getvalue()


def wait_until_idle(stack: LocalStack) -> None:
    """Wait until the consumer has acknowledged the message that S3 sends when notifications are set up."""
    while stack.player.counts.finished == 0:
        stack.raise_if_broken()
        time.sleep(0.05)


def _put(stack: LocalStack, number: int, data: bytes) -> None:
    bucket, key = stack.outputs["UploadsBucket"], f"{stack.outputs['UploadsPrefix']}{number:06}.jpg"
    stack.client("s3").put_object(Bucket=bucket, Key=key, Body=data, ContentType="image/jpeg")


class Meter:
    """Samples the processes' CPU time and memory until the context ends."""

    def __init__(self, stack: LocalStack, done: Any) -> None:
        self.samples: list[Sample] = []
        self._stack = stack
        self._done = done
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._start = 0.0

    def __enter__(self) -> "Meter":
        self._start = time.monotonic()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        self._sample()
        while not self._over.wait(SAMPLE_SECONDS):
            self._sample()
        self._sample()

    def _sample(self) -> None:
        groups = {
            "emulator": [[self._stack.emulator_pid]],
            "environments": [family(pid) for pid in self._stack.player.environment_pids()],
            "runner": [[os.getpid()]],  # not its children, which are the two others
        }
        self.samples.append(
            Sample(
                time.monotonic() - self._start,
                self._done(),
                {name: cpu_seconds(chain(*members)) for name, members in groups.items()},
                {name: max(map(_megabytes, members), default=0.0) for name, members in groups.items()},
            )
        )


def _megabytes(pids: Sequence[int]) -> float:
    """Of a process and its descendants; shared memory counts once."""
    if len(pids) == 1:  # to add up an emulator's pages would take more CPU than everything else in the runner
        return int(Path(f"/proc/{pids[0]}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    return proportional_bytes(pids) / 1e6


def _dead_letters(stack: LocalStack) -> int:
    answer = stack.client("sqs").get_queue_attributes(
        QueueUrl=stack.outputs["UploadsDlqUrl"], AttributeNames=["ApproximateNumberOfMessages"]
    )
    return int(answer["Attributes"]["ApproximateNumberOfMessages"])


def _result(stack: LocalStack, images: Sequence[bytes], meter: Meter) -> Result:
    first, last = meter.samples[0], next(s for s in meter.samples if s.images == meter.samples[-1].images)
    seconds = last.seconds
    used = {name: last.cpu[name] - first.cpu[name] for name in GROUPS}
    return Result(
        images=len(images),
        environments=len(stack.player.environment_pids()),
        cores=os.cpu_count() or 1,
        kilobytes_each=sum(map(len, images)) / len(images) / 1000,
        seconds=seconds,
        images_per_second=len(images) / seconds,
        lost=len(images) - _finished(stack),
        dead_letters=_dead_letters(stack),
        variants=_variants(stack),
        cpu_per_image_ms={name: 1000 * used[name] / len(images) for name in GROUPS},
        cores_used={name: used[name] / seconds for name in GROUPS},
        peak_memory={name: max(sample.memory[name] for sample in meter.samples) for name in GROUPS},
        samples=meter.samples,
    )


def _finished(stack: LocalStack) -> int:
    """Images whose record says DONE."""
    pages = stack.client("dynamodb").get_paginator("scan").paginate(TableName=stack.outputs["ImagesTable"])
    return sum(item["status"]["S"] == "DONE" for page in pages for item in page["Items"])


def _variants(stack: LocalStack) -> int:
    pages = stack.client("s3").get_paginator("list_objects_v2").paginate(Bucket=stack.outputs["VariantsBucket"])
    return sum(len(page.get("Contents", [])) for page in pages)


def table(result: Result) -> str:
    """Return the figures for people."""
    quarters = [
        max((s for s in result.samples if s.images <= result.images * part / 4), key=lambda s: s.seconds)
        for part in (1, 2, 3, 4)
    ]
    lines = [
        f"{result.images} images of {result.kilobytes_each:.0f} kB, {result.environments} execution environments,"
        f" {result.cores} cores",
        f"{result.images_per_second:.1f} images/s ({result.seconds:.1f} s); {result.variants} variants,"
        f" {result.lost} lost, {result.dead_letters} dead letters",
        "",
        f"{'':14}{'CPU ms/image':>14}{'cores used':>12}{'peak MB':>9}   MB of the largest at 1/4, 1/2, 3/4, end",
    ]
    for name in GROUPS:
        over_time = ", ".join(f"{sample.memory[name]:.0f}" for sample in quarters)
        lines.append(
            f"{name:14}{result.cpu_per_image_ms[name]:14.1f}{result.cores_used[name]:12.2f}"
            f"{result.peak_memory[name]:9.0f}   {over_time}"
        )
    return "\n".join(lines) + "\n"


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=1000, help="images to upload (default: %(default)s)")
    parser.add_argument("--environments", type=int, help="maximum of execution environments (default: one a core)")
    parser.add_argument("--json", action="store_true", help="print every figure as JSON")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
