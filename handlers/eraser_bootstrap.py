"""The composition root of the eraser: builds it from its settings and clients."""

import os
import time
from collections.abc import Mapping
from pathlib import Path

import boto3
from botocore.config import Config

from handlers.clients import REQUEST_SECONDS
from handlers.telemetry import log_as_json
from processing.erasure import Eraser, Retention
from processing.erasure.caching import cache_seconds
from processing.erasure.eraser import Announce
from processing.erasure.messages import Erasures
from processing.ledger.erasures import ErasureTable
from processing.messages import SqsQueue
from processing.outbox import EventBus, erased_entry
from processing.recipe import load
from processing.settings import EraserSettings
from processing.storage.versions import S3Versions

RECIPE = Path(__file__).resolve().parent.parent / "recipe.toml"
CLIENT = Config(connect_timeout=1, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 3})


def build_eraser(env: Mapping[str, str] | None = None) -> Erasures:
    """Build the eraser from its environment.

    Raises:
        Misconfigured: the settings or the recipe are invalid; every fault is listed.
    """
    settings = EraserSettings.from_mapping(os.environ if env is None else env)
    log_as_json(settings.log_level)
    recipe = load(RECIPE.read_text(encoding="utf-8"))
    eraser = Eraser(
        versions=S3Versions(boto3.client("s3", config=CLIENT)),
        table=ErasureTable(boto3.client("dynamodb", config=CLIENT), settings.images_table),
        uploads_bucket=settings.uploads_bucket,
        variants_bucket=settings.variants_bucket,
        prefix=settings.uploads_prefix,
        request_seconds=REQUEST_SECONDS,
        retention=Retention(
            logs=settings.log_retention_days,
            queue=settings.queue_retention_days,
            dead_letters=settings.dlq_retention_days,
            switches=settings.switches,
        ),
        cache_seconds=cache_seconds(recipe) if settings.cdn_url else 0,
        announce=_announced_on(settings.event_bus),
    )
    return Erasures(eraser, SqsQueue(boto3.client("sqs", config=CLIENT), settings.queue_url))


def _announced_on(name: str) -> Announce:
    """What puts Image Erased on the bus of this name; nothing where the stage has none."""
    if not name:
        return lambda _receipt, _digest: None
    bus = EventBus(boto3.client("events", config=CLIENT), name)
    return lambda receipt, digest: bus.put([erased_entry(receipt, digest, time.time())])
