"""The consumers take turns: each works off the same batch, next to the others, round by round."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from bench.allocator import malloc_settings
from bench.pipeline import originals
from bench.pipeline.doubles import Doubles

PROJECT = Path(__file__).resolve().parents[2]
MEMORY = 1769
BATCH = 10
COMPARED = ("darkroom", "usual", "naive")
BESIDE = "beside"
"""Our consumer at another commit."""
OURS = ("darkroom", BESIDE)
ENGINE = "engine"


@dataclass(frozen=True)
class Run:
    """One batch worked off: seconds, the requests by service and operation, and what failed."""

    wall: float
    cpu: float
    logged: int
    megabytes: float
    requests: Mapping[str, int]
    failed: Sequence[str]
    error: str


class Consumer:
    """One consumer in a process of its own, as long as the context lasts.

    Args:
        code: the folder whose ``handlers`` and ``processing`` it runs.
    """

    def __init__(self, way: str, doubles: Doubles, folder: Path, code: Path = PROJECT) -> None:
        self._doubles = doubles
        self._logged = 0
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.pipeline.worker", way, str(folder), str(folder / f"{way}.log")],
            cwd=code,
            env=environment(doubles) | {"PYTHONPATH": str(PROJECT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._way = way

    def __enter__(self) -> "Consumer":
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        self._process.__exit__(kind, value, at)  # closes its pipes, upon which it ends, and waits for it

    def run(self, event: dict[str, Any]) -> Run:
        """Have it work off one batch."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._doubles.take_counts()
        self._process.stdin.write(json.dumps(event) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._way} has ended: its message is above")
        said: dict[str, Any] = json.loads(line)
        logged, self._logged = said["logged"] - self._logged, said["logged"]
        return Run(**(said | {"logged": logged}), requests=dict(self._doubles.take_counts()))


def environment(doubles: Doubles) -> dict[str, str]:
    """The function's environment, with the doubles in AWS's place."""
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


class Turns:
    """Gives every consumer the same batches, and each round begins with another one."""

    def __init__(self, consumers: Mapping[str, Consumer], doubles: Doubles, pictures: Mapping[str, bytes]) -> None:
        self._consumers = consumers
        self._doubles = doubles
        self._pictures = pictures
        self._uploads = 0

    def warm(self, kind: str) -> None:
        """Let each work off one batch that does not count: connections made, code loaded, memory grown."""
        self.round(kind, 0.0, turn=0)

    def round(self, kind: str, latency: float, *, turn: int) -> dict[str, Run]:
        """One batch for each."""
        self._doubles.latency = latency
        names = list(self._consumers)
        first = turn % len(names)
        runs = {}
        for name in (*names[first:], *names[:first]):
            event = originals.batch(kind, self._uploads, self._pictures)
            self._uploads += len(event["Records"])
            runs[name] = run = self._consumers[name].run(event)
            if run.failed or run.error:
                raise RuntimeError(f"{name} failed on {kind}: {run.error or run.failed}")
        return runs
