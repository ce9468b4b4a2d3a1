"""The composition root of the API: builds its service from settings, recipe, page and clients."""

import json
import os
import secrets
import time
from collections.abc import Callable, Mapping
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from api.erasures import ErasureRequests
from api.files import UploadLimits, accepted_types
from api.ids import RANDOM_BITS
from api.objects import Objects
from api.owners import Owners
from api.service import Service
from api.settings import ApiSettings
from api.site import CONTENT_TYPES
from api.versions import Versions
from handlers.telemetry import log_as_json
from processing.ledger import ImagesTable
from processing.ledger.erasures import ErasureTable
from processing.recipe import load
from processing.sandbox.capacity import capacity

ROOT = Path(__file__).resolve().parent.parent
DESCRIPTION = ROOT / "api" / "openapi.json"

# Two attempts of at most 1 + 3 seconds: a response, if only 503, long before API Gateway's time-out of 29
CLIENT = Config(connect_timeout=1, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 2})


def build_api(env: Mapping[str, str] | None = None, *, clock: Callable[[], float] = time.time) -> Service:
    """Build the API from its environment.

    Raises:
        Misconfigured: the settings or the recipe are invalid; every fault is listed.
    """
    env = os.environ if env is None else env
    settings = ApiSettings.from_mapping(env)
    log_as_json(settings.log_level)
    recipe = load((ROOT / "recipe.toml").read_text(encoding="utf-8"))
    max_bytes = min(recipe.limits.max_bytes, capacity(settings.consumer_memory).largest_body)
    dynamodb = boto3.client("dynamodb", config=CLIENT)
    return Service(
        settings=settings,
        limits=UploadLimits(accepted_types(heic=find_spec("pi_heif") is not None), max_bytes, recipe.ignored),
        recipe=recipe,
        owners=Owners(dynamodb, table=settings.images_table, clock=clock),
        versions=Versions(
            ImagesTable(dynamodb, settings.images_table), uploads_bucket=settings.uploads_bucket, clock=clock
        ),
        objects=_objects(settings, _signing(env), clock),
        erasures=_erasures(settings, dynamodb, clock),
        files=_files(ROOT / "web"),
        description=json.loads(DESCRIPTION.read_text(encoding="utf-8")),
        clock=clock,
        random=partial(secrets.randbits, RANDOM_BITS),
    )


def _objects(settings: ApiSettings, signing: Config, clock: Callable[[], float]) -> Objects:
    return Objects(
        boto3.client("s3", config=CLIENT.merge(signing)),
        uploads_bucket=settings.uploads_bucket,
        variants_bucket=settings.variants_bucket,
        upload_seconds=settings.upload_seconds,
        link_seconds=settings.link_seconds,
        clock=clock,
        cdn=settings.cdn_url,
    )


def _erasures(settings: ApiSettings, dynamodb: Any, clock: Callable[[], float]) -> ErasureRequests | None:
    """None where the stage erases no images."""
    if not settings.erasures_queue_url:
        return None
    return ErasureRequests(
        ErasureTable(dynamodb, settings.images_table),
        boto3.client("sqs", config=CLIENT),
        queue_url=settings.erasures_queue_url,
        uploads_bucket=settings.uploads_bucket,
        clock=clock,
    )


def _signing(env: Mapping[str, str]) -> Config:
    """Version 4, or S3 ignores the conditions of a presigned POST; an emulator has no host names for buckets."""
    emulated = "AWS_ENDPOINT_URL" in env or "AWS_ENDPOINT_URL_S3" in env
    return Config(signature_version="s3v4", s3={"addressing_style": "path" if emulated else "virtual"})


def _files(folder: Path) -> dict[str, str]:
    """The page's files, by their paths below the folder; files of other types are skipped."""
    paths = [path for path in sorted(folder.rglob("*")) if path.suffix in CONTENT_TYPES and path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in paths}
