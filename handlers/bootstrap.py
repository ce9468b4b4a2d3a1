"""The composition root: settings, recipe and clients become the consumer."""

import os
import random
import time
import uuid
from collections.abc import Mapping
from pathlib import Path

import boto3
from botocore.config import Config

from handlers.logs import log_as_json
from processing import imaging
from processing.batch import Batch
from processing.ledger import DynamoLedger
from processing.queue import SqsQueue
from processing.recipe import load
from processing.settings import Settings
from processing.store import S3Store
from processing.worker import Worker

RECIPE = Path(__file__).resolve().parent.parent / "recipe.toml"

# Three tries of at most 1 + 5 seconds, and between them pauses of at most 1 and 2 seconds: 21 seconds at the worst.
CLIENT = Config(connect_timeout=1, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 3})
REQUEST_SECONDS = 22.0  # below the 30 seconds by which a lease outlives the function
SECONDS_NEEDED = 10.0  # for one more image, by the slowest that the limits let in


def build_consumer(env: Mapping[str, str] | None = None) -> Batch:
    """Build the consumer from its environment.

    Raises:
        Misconfigured: the settings or the recipe cannot be used; every fault is named.
    """
    settings = Settings.from_mapping(os.environ if env is None else env)
    recipe = load(RECIPE.read_text(encoding="utf-8"))
    log_as_json(settings.log_level)
    store = S3Store(
        boto3.client("s3", config=CLIENT),
        uploads_bucket=settings.uploads_bucket,
        variants_bucket=settings.variants_bucket,
    )
    ledger = DynamoLedger(
        boto3.client("dynamodb", config=CLIENT),
        table=settings.images_table,
        recipe=recipe.fingerprint,
        code_version=settings.code_version,
        lease_seconds=settings.lease_seconds,
        clock=time.time,
        new_token=lambda: uuid.uuid4().hex,
    )
    worker = Worker(
        store=store,
        ledger=ledger,
        render=imaging.render,
        recipe=recipe,
        uploads_bucket=settings.uploads_bucket,
        prefix=settings.uploads_prefix,
        removals=settings.removals,
        request_seconds=REQUEST_SECONDS,
    )
    return Batch(
        handle=worker.handle,
        queue=SqsQueue(boto3.client("sqs", config=CLIENT), settings.queue_url),
        max_receive_count=settings.max_receive_count,
        seconds_needed=lambda: SECONDS_NEEDED,
        clock=time.time,
        chance=random.Random(),
    )
