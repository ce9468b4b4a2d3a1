"""CPU microseconds of the logs and metrics of ten images, our own and Powertools', as JSON on stderr."""

import json
import logging
import os
import sys
import time
from collections.abc import Callable
from functools import partial

from aws_lambda_powertools import Logger
from aws_lambda_powertools import Metrics as PowertoolsMetrics
from aws_lambda_powertools.metrics import MetricUnit

from bench.runner import interleave, median
from handlers.telemetry import Metrics, log_as_json

IMAGES = 10
ROUNDS = 300
LINE = {
    "outcome": "done",
    "message_id": "5fd6bc8a-6c5e-4b3a-9d5a-7f0c7e8a1b2c",
    "receive": 1,
    "object": "uploads/images/2026/11/cat.jpg",
    "etag": "9b2cf535f27731c974343645a3985328",
    "attempt": 1,
    "size_bytes": 192227,
    "timings": {"fetch": 54, "wait": 120, "render": 42, "publish": 172},
    "queue_delay_ms": 812,
}


def main() -> None:
    """Measure both, interleaved, and write the medians."""
    batches = {"our own": _ours(), "Powertools Logger and Metrics": _powertools()}
    rounds = list(interleave({way: partial(_cpu, batch) for way, batch in batches.items()}, ROUNDS))
    sys.stderr.write(json.dumps({way: median(rounds, way, "cpu") for way in batches}))


def _cpu(batch: Callable[[], None]) -> dict[str, float]:
    start = time.process_time()
    batch()
    return {"cpu": (time.process_time() - start) * 1e6}


def _ours() -> Callable[[], None]:
    metrics = Metrics("consumer", clock=time.time, write=print)
    log_as_json("INFO", metrics)
    log = logging.getLogger("darkroom")

    def batch() -> None:
        for _ in range(IMAGES):
            log.info("done", extra={"data": LINE})
        metrics.flush_batch()

    return batch


def _powertools() -> Callable[[], None]:
    log = Logger(service="consumer")
    metrics = PowertoolsMetrics(namespace="Darkroom", service=os.environ["AWS_LAMBDA_FUNCTION_NAME"])

    def batch() -> None:
        for _ in range(IMAGES):
            log.info("done", extra=LINE)
            metrics.add_metric("Images", MetricUnit.Count, 1)
            metrics.add_metric("RenderMs", MetricUnit.Milliseconds, 42)
            metrics.add_metric("QueueDelayMs", MetricUnit.Milliseconds, 812)
        metrics.flush_metrics()

    return batch


if __name__ == "__main__":
    main()
