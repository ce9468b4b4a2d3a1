"""The consumers that ours is compared with, each as a Lambda handler, and the engine alone.

All of them render with the same engine and recipe, write the same three variants to S3, and have the same time-outs.
``usual`` follows Powertools' documentation; its idempotency record holds the result's metadata, so it writes no other
item. ``naive`` is a loop without batch handling or idempotency, and ``threads`` the same with ten threads.
"""

import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

import boto3
from boto3.dynamodb.types import TypeSerializer
from botocore.config import Config

from bench.pipeline.originals import original_of
from handlers.bootstrap import RECIPE
from handlers.clients import ATTEMPTS, CONNECT_TIMEOUT, READ_TIMEOUT
from processing import imaging
from processing.imaging import Rendered
from processing.naming import plan_of
from processing.recipe import Recipe, load

# The time-outs and retries of ours
CLIENT = Config(
    connect_timeout=CONNECT_TIMEOUT,
    read_timeout=READ_TIMEOUT,
    retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
)

THREADS = 10  # as many as boto3's connections by default

Handler = Callable[[dict[str, Any], Any], dict[str, Any] | None]


def usual(_: Path) -> Handler:
    """Powertools' batch processor, and its idempotency on DynamoDB: one image after another."""
    from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
    from aws_lambda_powertools.utilities.idempotency import (
        DynamoDBPersistenceLayer,
        IdempotencyConfig,
        idempotent_function,
    )

    recipe, s3 = _recipe(), boto3.client("s3", config=CLIENT)
    layer = DynamoDBPersistenceLayer(table_name=os.environ["IMAGES_TABLE"], boto_config=CLIENT)
    config = IdempotencyConfig(event_key_jmespath="[bucket, key, etag]")
    processor = BatchProcessor(event_type=EventType.SQS)

    # Powertools is not installed where mypy runs
    @idempotent_function(data_keyword_argument="upload", persistence_store=layer, config=config)  # type: ignore[untyped-decorator]
    def process(upload: dict[str, Any]) -> dict[str, Any]:
        return _make_variants(s3, recipe, upload)

    def each(record: Any) -> None:
        for upload in _uploads(record.body):
            process(upload=upload)

    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        config.register_lambda_context(context)
        return dict(process_partial_response(event=event, record_handler=each, processor=processor, context=context))

    return handler


def naive(_: Path) -> Handler:
    """A loop; one failure fails the whole batch."""
    recipe, s3 = _recipe(), boto3.client("s3", config=CLIENT)
    table = boto3.resource("dynamodb", config=CLIENT).Table(os.environ["IMAGES_TABLE"])

    def handler(event: dict[str, Any], _: Any) -> None:
        for record in event["Records"]:
            for upload in _uploads(record["body"]):
                table.put_item(Item={"object": upload["key"], **_make_variants(s3, recipe, upload)})

    return handler


def threads(_: Path) -> Handler:
    """The same in ten threads, which share two clients: boto3's resources must not be shared."""
    recipe, s3, dynamodb = _recipe(), boto3.client("s3", config=CLIENT), boto3.client("dynamodb", config=CLIENT)
    pool, to_item = ThreadPoolExecutor(THREADS), TypeSerializer().serialize

    def process(upload: dict[str, Any]) -> None:
        item = {"object": upload["key"], **_make_variants(s3, recipe, upload)}
        values = {name: to_item(value) for name, value in item.items()}
        dynamodb.put_item(TableName=os.environ["IMAGES_TABLE"], Item=values)

    def handler(event: dict[str, Any], _: Any) -> None:
        uploads = [upload for record in event["Records"] for upload in _uploads(record["body"])]
        for _ in pool.map(process, uploads):
            pass  # which raises the first image's failure

    return handler


def engine(originals: Path) -> Handler:
    """The render alone, with which the CPU of the others is compared."""
    recipe = _recipe()
    read = cache(lambda name: (originals / name).read_bytes())

    def handler(event: dict[str, Any], _: Any) -> None:
        for record in event["Records"]:
            for upload in _uploads(record["body"]):
                imaging.render(read(original_of(upload["key"])), recipe)

    return handler


WAYS: dict[str, Callable[[Path], Handler]] = {
    "usual": usual,
    "naive": naive,
    "threads": threads,
    "engine": engine,
}


def _recipe() -> Recipe:
    return load(RECIPE.read_text(encoding="utf-8"))


def _uploads(body: str) -> list[dict[str, Any]]:
    return [
        {
            "bucket": record["s3"]["bucket"]["name"],
            "key": unquote_plus(record["s3"]["object"]["key"]),
            "etag": record["s3"]["object"]["eTag"],
        }
        for record in json.loads(body)["Records"]
    ]


def _make_variants(s3: Any, recipe: Recipe, upload: dict[str, Any]) -> dict[str, Any]:
    """Fetch, render and put; return the image's metadata."""
    plan = plan_of(recipe, upload["key"], prefix=os.environ["UPLOADS_PREFIX"])
    answer = s3.get_object(Bucket=upload["bucket"], Key=upload["key"])
    rendered: Rendered = imaging.render(answer["Body"].read(), plan.recipe)
    for made in rendered.variants:
        s3.put_object(
            Bucket=os.environ["VARIANTS_BUCKET"],
            Key=plan.keys[made.name],
            Body=made.data,
            ContentType=made.content_type,
        )
    return {
        "width": rendered.source.width,
        "height": rendered.source.height,
        "image_format": rendered.source.image_format,
        "variants": [
            {"key": plan.keys[made.name], "width": made.width, "height": made.height} for made in rendered.variants
        ],
    }
