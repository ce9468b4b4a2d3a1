"""Consumers as child processes, each measured on the same batches as the others."""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from bench.pipeline import originals, settings
from bench.pipeline.doubles import Doubles
from bench.pipeline.worker import DEPLOYED
from bench.runner import PROJECT, Child, interleave, malloc_settings

MEMORY = settings.MEMORY
BATCH = 10
CONSUMERS = ("darkroom", "usual", "naive", "threads")
BESIDE = "beside"
"""Our consumer at another commit."""
OURS = ("darkroom", BESIDE)
ENGINE = "engine"


@dataclass(frozen=True)
class Run:
    """One batch: wall and CPU seconds, memory after it, requests by service and operation, and what failed."""

    wall: float
    cpu: float
    logged: int
    megabytes: float
    requests: Mapping[str, int]
    failed: Sequence[str]
    error: str
    images: int = BATCH


class Consumer(Child):
    """One consumer in a child process.

    Args:
        code: the folder whose ``handlers`` and ``processing`` it runs.
        batch: the messages of its batches; its timeouts follow from it.
    """

    def __init__(self, way: str, doubles: Doubles, folder: Path, code: Path = PROJECT, *, batch: int = BATCH) -> None:
        handler, log = DEPLOYED if way in OURS else way, folder / f"{way}-{batch}.log"
        command = [sys.executable, "-m", "bench.pipeline.worker", handler, str(folder), str(log)]
        super().__init__(way, command, cwd=code, env=environment(doubles, batch) | {"PYTHONPATH": str(PROJECT)})
        self.batch = batch
        self._doubles = doubles
        self._logged = 0

    def run(self, event: dict[str, Any]) -> Run:
        """Process one batch."""
        self._doubles.take_counts()
        answer = self.request(event)
        logged, self._logged = answer["logged"] - self._logged, answer["logged"]
        images = len(event["Records"])
        return Run(**(answer | {"logged": logged}), requests=dict(self._doubles.take_counts()), images=images)


def environment(doubles: Doubles, batch: int = BATCH) -> dict[str, str]:
    """Return the function's environment, with the doubles in place of AWS."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "HOME", "VIRTUAL_ENV") if name in os.environ}
    return (
        kept
        | malloc_settings()
        | settings.of_batch(batch)
        | {
            "UPLOADS_BUCKET": "uploads",
            "UPLOADS_PREFIX": "images/",
            "VARIANTS_BUCKET": "variants",
            "IMAGES_TABLE": "images",
            "QUEUE_URL": f"{doubles.endpoint}/123456789012/uploads",
            "CODE_VERSION": "0123456789ab",
            "LOG_LEVEL": "INFO",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(MEMORY),
            "AWS_LAMBDA_FUNCTION_NAME": "consumer",
            "AWS_REGION": "eu-west-1",
            "AWS_DEFAULT_REGION": "eu-west-1",
            "AWS_ACCESS_KEY_ID": "of-the-doubles",
            "AWS_SECRET_ACCESS_KEY": "of-the-doubles",
            "AWS_ENDPOINT_URL": doubles.endpoint,
            "AWS_CA_BUNDLE": str(doubles.certificate),
            "POWERTOOLS_SERVICE_NAME": "consumer",
        }
    )


class Batches:
    """Batches of new uploads for every consumer, in interleaved rounds."""

    def __init__(self, consumers: Mapping[str, Consumer], doubles: Doubles, pictures: Mapping[str, bytes]) -> None:
        self._consumers = consumers
        self._doubles = doubles
        self._pictures = pictures

    def rounds(self, kind: str, *, latency: float, count: int) -> Iterator[dict[str, Run]]:
        """Yield so many rounds of one batch for each consumer; S3 answers after ``latency`` seconds.

        Raises:
            RuntimeError: an image failed.
        """
        self._doubles.latency = latency
        return interleave({name: partial(self._run, name, kind) for name in self._consumers}, count)

    def _run(self, name: str, kind: str) -> Run:
        consumer = self._consumers[name]
        first = self._doubles.take_numbers(consumer.batch)
        run = consumer.run(originals.batch(kind, first, self._pictures, count=consumer.batch))
        if run.failed or run.error:
            raise RuntimeError(f"{name} failed on {kind}: {run.error or run.failed}")
        return run
