"""Consumers as child processes, each measured on the same batches as the others."""

import itertools
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from bench.pipeline import originals
from bench.pipeline.doubles import Doubles
from bench.runner import PROJECT, Child, interleave, malloc_settings

MEMORY = 1769
BATCH = 10
CONSUMERS = ("darkroom", "usual", "naive")
BESIDE = "beside"
"""Our consumer at another commit."""
OURS = ("darkroom", BESIDE)
ENGINE = "engine"


@dataclass(frozen=True)
class Run:
    """One batch: wall and CPU seconds, requests by service and operation, and what failed."""

    wall: float
    cpu: float
    logged: int
    megabytes: float
    requests: Mapping[str, int]
    failed: Sequence[str]
    error: str


class Consumer(Child):
    """One consumer in a child process.

    Args:
        code: the folder whose ``handlers`` and ``processing`` it runs.
    """

    def __init__(self, way: str, doubles: Doubles, folder: Path, code: Path = PROJECT) -> None:
        command = [sys.executable, "-m", "bench.pipeline.worker", way, str(folder), str(folder / f"{way}.log")]
        super().__init__(way, command, cwd=code, env=environment(doubles) | {"PYTHONPATH": str(PROJECT)})
        self._doubles = doubles
        self._logged = 0

    def run(self, event: dict[str, Any]) -> Run:
        """Process one batch."""
        self._doubles.take_counts()
        answer = self.request(event)
        logged, self._logged = answer["logged"] - self._logged, answer["logged"]
        return Run(**(answer | {"logged": logged}), requests=dict(self._doubles.take_counts()))


def environment(doubles: Doubles) -> dict[str, str]:
    """Return the function's environment, with the doubles in place of AWS."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "HOME", "VIRTUAL_ENV") if name in os.environ}
    return (
        kept
        | malloc_settings()
        | {
            "UPLOADS_BUCKET": "uploads",
            "UPLOADS_PREFIX": "images/",
            "VARIANTS_BUCKET": "variants",
            "IMAGES_TABLE": "images",
            "QUEUE_URL": f"{doubles.endpoint}/123456789012/uploads",
            "MAX_RECEIVE_COUNT": "5",
            "FUNCTION_TIMEOUT": "260",
            "TRY_SECONDS": "20",
            "LEASE_SECONDS": "1300",
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
        self._first_upload = itertools.count(step=BATCH)

    def rounds(self, kind: str, *, latency: float, count: int) -> Iterator[dict[str, Run]]:
        """Yield so many rounds of one batch for each consumer; S3 answers after ``latency`` seconds.

        Raises:
            RuntimeError: an image failed.
        """
        self._doubles.latency = latency
        return interleave({name: partial(self._run, name, kind) for name in self._consumers}, count)

    def _run(self, name: str, kind: str) -> Run:
        run = self._consumers[name].run(originals.batch(kind, next(self._first_upload), self._pictures))
        if run.failed or run.error:
            raise RuntimeError(f"{name} failed on {kind}: {run.error or run.failed}")
        return run
