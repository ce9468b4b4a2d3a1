"""The composition root of the consumer: builds it from settings, recipe, child processes and clients."""

import os
import random
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from handlers.clients import REQUEST_SECONDS, RESERVES, Clients, Deadlines, make_clients
from handlers.telemetry import Metrics, log_as_json
from processing.backoff import Backoff
from processing.batch import Batch
from processing.ledger import DynamoLedger
from processing.messages import SqsQueue, ThreadExecutor
from processing.picture import Render
from processing.recipe import Recipe, load
from processing.sandbox import Children, FetchBudget, MemoryBudget, Renderer, Renderers
from processing.sandbox.capacity import Capacity, TimeBudget, capacity
from processing.settings import Settings
from processing.storage.objects import S3Store
from processing.worker import Worker

RECIPE = Path(__file__).resolve().parent.parent / "recipe.toml"


def build_consumer(env: Mapping[str, str] | None = None) -> Batch:
    """Build the consumer from its environment; the renderers first, before any client or thread exists.

    Raises:
        Misconfigured: settings or recipe are invalid; names every fault.
    """
    env = os.environ if env is None else env
    settings = Settings.from_mapping(env)
    metrics = Metrics(settings.function, clock=time.time, write=print)
    log_as_json(settings.log_level, metrics)
    room = capacity(settings.memory)
    recipe = _fitting(load(RECIPE.read_text(encoding="utf-8")), room)
    budget = TimeBudget(
        settings.try_seconds,
        renderers=room.renderers,
        function_timeout=settings.function_timeout,
        without_requests=max(RESERVES.values()),
    )
    render = _render(settings, recipe, room, budget, env)
    deadlines = Deadlines()
    clients = make_clients(deadlines, connections=room.threads)
    return Batch(
        handle=_worker(settings, recipe, render, clients).handle,
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
    )


def _render(settings: Settings, recipe: Recipe, room: Capacity, budget: TimeBudget, env: Mapping[str, str]) -> Render:
    """The engine in child processes, which need Linux; elsewhere, or by choice, in this process."""
    if settings.rendering == "in-process" or sys.platform != "linux":
        from processing import imaging  # Pillow is loaded only in processes that render

        return imaging.render
    children = [Renderer(Children(recipe, environ=env, kept=room.kept)) for _ in range(room.renderers)]
    return Renderers(children, recipe, memory=MemoryBudget(room.rendering), budget=budget).render


def _fitting(recipe: Recipe, room: Capacity) -> Recipe:
    """The recipe, with its limit of bytes reduced to the largest body that fits into the function's memory."""
    limits = recipe.limits
    return replace(recipe, limits=replace(limits, max_bytes=min(limits.max_bytes, room.largest_body)))
