"""The composition root of the worker: the consumer's, with a queue to receive from, and checks of what must fit."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from handlers.bootstrap import RECIPE, build_consumer
from handlers.container import ContainerLimits, container_limits
from handlers.worker_loop import TO_DELETE, PollingLoop, StopRequest
from handlers.worker_queue import QueueNumbers, ReceivingQueue, make_receiving_client
from processing.batch import Batch
from processing.errors import Misconfigured
from processing.reach import unreachable
from processing.recipe import load
from processing.sandbox.capacity import VCPU, shortest_timeout
from processing.settings import Settings, reading

DEFAULTS: Final = {"BATCH_SIZE": "50", "WAIT_SECONDS": "20", "STOP_SECONDS": "110"}
MEMORY: Final = "AWS_LAMBDA_FUNCTION_MEMORY_SIZE"  # as `Settings` reads it
MAX_BATCH: Final = 100  # as packaging allows
MAX_WAIT: Final = 20  # seconds of one ReceiveMessage


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """What a worker has beside the consumer's settings; each field is the variable of the same name in capitals.

    ``batch_size`` is Lambda's; a receive waits ``wait_seconds``; ``stop_seconds`` after the first SIGTERM the process
    has ended; ``heartbeat_file`` is touched while it works, and may be empty.
    """

    batch_size: int
    wait_seconds: int
    stop_seconds: float
    heartbeat_file: str

    @classmethod
    def from_mapping(cls, env: Mapping[str, str]) -> "WorkerSettings":
        """Read the settings, usually from ``os.environ``.

        Raises:
            Misconfigured: with one sentence for each variable that is missing or invalid.
        """
        with reading({**DEFAULTS, **env}) as read:
            settings = cls(
                batch_size=read.whole("BATCH_SIZE", at_least=1),
                wait_seconds=read.whole("WAIT_SECONDS", at_least=1),
                stop_seconds=read.number("STOP_SECONDS", at_least=1),
                heartbeat_file=env.get("HEARTBEAT_FILE", ""),
            )
            read.faults += settings._faults()
        return settings

    def _faults(self) -> Iterator[str]:
        if self.batch_size > MAX_BATCH:
            yield f"BATCH_SIZE: {self.batch_size} must be at most {MAX_BATCH}"
        if self.wait_seconds > MAX_WAIT:
            yield f"WAIT_SECONDS: {self.wait_seconds} must be at most {MAX_WAIT}"
        if self.stop_seconds < self.wait_seconds + TO_DELETE:
            yield (
                f"STOP_SECONDS: {self.stop_seconds:g} must be at least {self.wait_seconds + TO_DELETE:g}: WAIT_SECONDS "
                f"for a receive to end, and {TO_DELETE:g} to delete what was finished"
            )
        try:
            self.beat()
        except OSError as error:
            yield f"HEARTBEAT_FILE: cannot be written: {error}"

    def beat(self) -> None:
        """Touch the heartbeat file, if there is one."""
        if self.heartbeat_file:
            Path(self.heartbeat_file).touch()


def build_worker(
    env: Mapping[str, str] | None = None,
    *,
    limits: ContainerLimits | None = None,
    build: Callable[[Mapping[str, str]], Batch] = build_consumer,
) -> PollingLoop:
    """Build the worker from its environment.

    Memory and CPUs that it does not name are the container's, but no more CPUs than Lambda gives to that memory: each
    would have too little of it.

    Raises:
        Misconfigured: settings, recipe, queue or container are invalid, or do not fit together; names every fault.
        Unavailable: SQS did not say what the queue's attributes are.
        SandboxUnavailable: as `build_consumer`.
    """
    limits = container_limits() if limits is None else limits
    env = _with_limits(os.environ if env is None else env, limits)
    worker, consumer = _settings(env)
    client = make_receiving_client(wait=worker.wait_seconds)
    queue = ReceivingQueue(client, consumer.queue_url, batch_size=worker.batch_size, wait=worker.wait_seconds)
    faults = [*_room_faults(worker, consumer, limits), *_queue_faults(consumer, queue.numbers())]
    if faults:
        raise Misconfigured(faults)
    return PollingLoop(queue, build(env), StopRequest(worker.stop_seconds), consumer.function_timeout, worker.beat)


def _with_limits(env: Mapping[str, str], limits: ContainerLimits) -> dict[str, str]:
    memory = {} if limits.memory is None else {MEMORY: f"{limits.memory:.0f}"}
    cpus = limits.cpus
    with suppress(KeyError, ValueError):  # `Settings` names the fault
        cpus = min(cpus, max(1.0, float({**memory, **env}[MEMORY]) / VCPU))
    return {"CPUS": f"{cpus:g}", **memory, **env}


def _settings(env: Mapping[str, str]) -> tuple[WorkerSettings, Settings]:
    """Raises Misconfigured with the faults of both."""
    faults: list[str] = []
    try:
        worker = WorkerSettings.from_mapping(env)
    except Misconfigured as error:
        faults += error.faults
    try:
        consumer = Settings.from_mapping(env)
    except Misconfigured as error:
        faults += error.faults
    if faults:
        raise Misconfigured(faults)
    return worker, consumer


def _room_faults(worker: WorkerSettings, consumer: Settings, limits: ContainerLimits) -> Iterator[str]:
    """Which of the container's memory and the time of a batch are too small."""
    if limits.memory is not None and consumer.memory > limits.memory:
        yield (
            f"{MEMORY}: {consumer.memory:g} exceeds the container's limit of {limits.memory:.0f} MB, "
            "at which the kernel kills it"
        )
    for each in unreachable(load(RECIPE.read_text(encoding="utf-8")), consumer.memory, consumer.cpus):
        yield (
            f"{MEMORY}: {consumer.memory:g} (CPUS {consumer.cpus}) has no room for {each.setting} = {each.value:,} in "
            f"recipe.toml, only for {each.fits:,}"
        )
    shortest = shortest_timeout(
        consumer.memory,
        batch_size=worker.batch_size,
        try_seconds=consumer.try_seconds,
        rendering=consumer.rendering,
        cpus=consumer.cpus,
    )
    if consumer.function_timeout < shortest:
        yield (
            f"FUNCTION_TIMEOUT: {consumer.function_timeout:g} has no room for a try of TRY_SECONDS "
            f"{consumer.try_seconds:g} at each of BATCH_SIZE {worker.batch_size} images: it must be at least {shortest}"
        )


def _queue_faults(consumer: Settings, queue: QueueNumbers) -> Iterator[str]:
    """Where the queue and the settings disagree (docs/containers.md, "Numbers that hang together")."""
    hidden = consumer.function_timeout + consumer.lease_seconds
    if queue.visibility_timeout < hidden:
        yield (
            f"QUEUE_URL: its visibility timeout is {queue.visibility_timeout:g}; it must be at least {hidden:g}: "
            f"FUNCTION_TIMEOUT {consumer.function_timeout:g}, in which an image is claimed, and LEASE_SECONDS "
            f"{consumer.lease_seconds:g}, or messages of a killed worker come back while its claims last"
        )
    if queue.max_receive_count is None:
        yield "QUEUE_URL: it has no dead-letter queue, and rejected messages would return without end"
    elif queue.max_receive_count != consumer.max_receive_count:
        yield f"MAX_RECEIVE_COUNT: {consumer.max_receive_count} is {queue.max_receive_count} in the redrive policy"
