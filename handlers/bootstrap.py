"""The composition root of the consumer: builds it from settings, recipe, child processes and clients."""

import logging
import os
import random
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from handlers.clients import REQUEST_SECONDS, RESERVES, Clients, Deadlines, make_clients
from handlers.rendering import RenderingStart
from handlers.runtime import check_botocore, check_parameters, describe
from handlers.telemetry import Metrics, log_as_json
from processing.batch import Batch, Handle
from processing.concurrency import Backoff, Threads
from processing.ledger import DynamoLedger
from processing.messages import SqsQueue, ThreadExecutor
from processing.picture import Render
from processing.recipe import Recipe, load
from processing.sandbox import FetchBudget
from processing.sandbox.capacity import Capacity, TimeBudget, capacity
from processing.settings import Settings
from processing.storage.objects import S3Store
from processing.worker import Worker

IMAGE_REQUESTS: Final = 4  # for the variants of one image, that run in parallel
RECIPE = Path(__file__).resolve().parent.parent / "recipe.toml"

log = logging.getLogger("darkroom")


def build_consumer(env: Mapping[str, str] | None = None) -> Batch:
    """Build the consumer from its environment; the renderers first, before any client or thread exists.

    Raises:
        Misconfigured: settings, recipe or botocore are invalid; names every fault.
        SandboxUnavailable: no child process can be started, and rendering in this process is not allowed.
    """
    start = time.monotonic()
    env = os.environ if env is None else env
    check_botocore()
    settings = Settings.from_mapping(env)
    metrics = Metrics(settings.function, clock=time.time, write=print)
    log_as_json(settings.log_level, metrics)
    room = capacity(settings.memory, settings.cpus)
    recipe = _fitting(load(RECIPE.read_text(encoding="utf-8")), room)
    budget = TimeBudget(
        settings.try_seconds,
        function_timeout=settings.function_timeout,
        without_requests=max(RESERVES.values()),
    )
    rendering = RenderingStart(settings, recipe, room, budget, env, count=metrics.count_always)
    deadlines = Deadlines()
    clients = make_clients(deadlines, connections=room.threads * IMAGE_REQUESTS)
    check_parameters({"s3": clients.s3, "dynamodb": clients.dynamodb})
    started = rendering.wait()
    line = describe() | {"rendering": started.mode, "code_version": settings.code_version}
    log.info("started", extra={"data": line | {"start_ms": round((time.monotonic() - start) * 1000)}})
    worker = _worker(settings, recipe, started.render, clients)
    return Batch(
        handle=_traced(worker, env) if settings.tracing else worker.handle,
        queue=SqsQueue(clients.sqs, settings.queue_url),
        budget=budget,
        max_receive_count=settings.max_receive_count,
        clock=time.time,
        rng=random.Random(),
        begin=deadlines.begin,
        end=metrics.flush_batch,
        executor=ThreadExecutor(room.threads, FetchBudget(room, recipe.limits.max_bytes).reserve),
    )


def _worker(settings: Settings, recipe: Recipe, render: Render, clients: Clients) -> Worker:
    store = S3Store(clients.s3, uploads_bucket=settings.uploads_bucket, variants_bucket=settings.variants_bucket)
    ledger = DynamoLedger(
        clients.dynamodb,
        table=settings.images_table,
        code_version=settings.code_version,
        lease_seconds=settings.lease_seconds,
        clock=time.time,
    )
    return Worker(
        store=store,
        ledger=ledger,
        render=render,
        recipe=recipe,
        uploads_bucket=settings.uploads_bucket,
        prefix=settings.uploads_prefix,
        removals=settings.removals,
        request_seconds=REQUEST_SECONDS,
        backoff=Backoff(random.Random()),
        execute=Threads(IMAGE_REQUESTS),
    )


def _traced(worker: Worker, env: Mapping[str, str]) -> Handle:
    from handlers.tracing import Tracer  # not loaded where nothing is traced

    tracer = Tracer(env, clock=time.time)
    return tracer.tracing(replace(worker, observe=tracer.observe).handle)


def _fitting(recipe: Recipe, room: Capacity) -> Recipe:
    """The recipe, with its limit of bytes reduced to the largest body that fits into the function's memory."""
    limits = recipe.limits
    return replace(recipe, limits=replace(limits, max_bytes=min(limits.max_bytes, room.largest_body)))
