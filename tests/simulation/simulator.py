"""The consumer's own code under a scheduler: every request is a moment at which anything may happen.

Workers run as greenlets on the in-memory doubles, and each thread that a worker starts for the requests of one image is
a greenlet as well. Each request is cut in two: it is in flight until the scheduler lets it take effect, and its answer
is in flight until the scheduler hands it over. In between others run, time passes, and faults strike: the request is
throttled, the answer is lost (and the client sends it again, or gives up), conditional writes are refused for minutes
although nobody writes, the process dies with all its threads, or is frozen with them and thaws later. The clock is
virtual, and everything random comes from one seed.

S3 has no fencing, so a request that was sent takes effect within ``REQUEST`` seconds or never: its deadline
(`handlers.clients`) makes it so, and `concurrency.Lease` counts on it.
"""

import random
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from typing import Any, TypeVar

from botocore.exceptions import ClientError, ReadTimeoutError
from greenlet import GreenletExit, greenlet

from processing.batch import Batch
from processing.concurrency import Backoff
from processing.errors import LeaseLost, NotStarted, OutOfTime, PreconditionFailed, Rejected, SandboxFailed, Unavailable
from processing.imaging import Rendered
from processing.ledger import REMOVED_KEY, DynamoLedger, Status
from processing.messages import Message
from processing.naming import variant_key
from processing.recipe import Recipe
from processing.sandbox import Renderers
from processing.sandbox.capacity import SLOW, TimeBudget, shortest_timeout
from processing.worker import Worker
from tests.builders import BROKEN, UPLOADS, created_body, recipe, removed_body
from tests.doubles import MemoryQueue, MemoryStore, Sent
from tests.memory_dynamodb import MemoryDynamoDB, refused
from tests.sandbox.scripted import Trouble
from tests.simulation.rendering import Weight, renderers_of

T = TypeVar("T")

TRY = 20.0  # seconds
TIMEOUT = float(shortest_timeout(1769, batch_size=10, try_seconds=TRY))  # of the function
WINDOW = 5.0
LEASE = TIMEOUT + 30
REQUEST = 22.0
VISIBILITY = 6 * TIMEOUT + WINDOW
MAX_RECEIVES = 5
RENDER = "render"  # the one moment that is no request
PURPOSES = {  # of a request to the table, by the status that it sets
    Status.IN_PROGRESS: "claim",
    Status.DONE: "complete",
    Status.SUPERSEDED: "settle",
    Status.REMOVED: "settle",
    Status.REJECTED: "reject",
    Status.FAILED: "fail",
    None: "release",
}
CONDITIONAL = ("put", "delete", "claim")
LASTING = 600.0  # seconds that a conflict lasts at most
MOST_REQUESTS = 80  # for one object in one invocation: 3 claims, and 5 looks with 2 rounds for each variant


class Fault(StrEnum):
    """What can go wrong at a request; the names are those of the report."""

    THROTTLED = "throttled"  # refused, without effect
    LOST = "response lost, request abandoned"  # took effect, and the caller never learns
    RESENT = "response lost, request repeated"  # took effect, and the client's retry meets its own effect
    CRASH_BEFORE = "crash before the effect"
    CRASH_AFTER = "crash after the effect"
    FROZEN = "frozen beyond its lease"
    CONFLICT = "lasting conflict"  # from now on every such write is refused, without effect
    DUPLICATE = "message delivered twice"
    TOO_LATE = "too late to render"  # the invocation would end first
    LATE_ANSWER = "renderer answers late"
    SECOND_ANSWER = "renderer answers twice"


TROUBLES = {Fault.LATE_ANSWER: Trouble.LATE, Fault.SECOND_ANSWER: Trouble.AGAIN}


@dataclass
class Environment:
    """What an execution environment keeps from one invocation to the next."""

    budget: TimeBudget
    renderers: Renderers


@dataclass(eq=False)
class Thread:
    """A thread of an invocation: its first, or one that it has started and waits for."""

    name: str
    invocation: "Invocation"
    run: greenlet = field(init=False)
    asleep_until: float = 0.0
    in_flight_since: float | None = None  # a request that was sent and has not taken effect
    waits_at: tuple[str, str] = ("", "")

    @property
    def awake_at(self) -> float:
        """When it can go on; a frozen process has no thread that can."""
        return max(self.asleep_until, self.invocation.asleep_until)


@dataclass
class Invocation:
    """One invocation of the function, at work on a batch."""

    name: str
    started: float
    messages: list[Sent]
    first: Thread = field(init=False)
    others: list[Thread] = field(default_factory=list)  # that are alive
    awaited: list[Thread] = field(default_factory=list)  # by the first
    asleep_until: float = 0.0
    frozen: bool = False
    requests: int = 0
    dead: bool = False
    rendered: float = 0.0  # seconds
    excused: bool = False  # it had less time than its clock says
    attempted: set[str] = field(default_factory=set)  # the messages that were not handed back unstarted
    sent_again: bool = False  # a request of its was, so that it may find its own work ended and the lease given on

    @property
    def threads(self) -> list[Thread]:
        """Those that do not wait for others; the first of them goes on when none is named."""
        return self.others if self.awaited or self.run.dead else [*self.others, self.first]

    @property
    def run(self) -> greenlet:
        return self.first.run

    @property
    def waits_at(self) -> tuple[str, str]:
        return self.threads[0].waits_at


class Port:
    """A double behind the network."""

    def __init__(self, port: Any, world: "World") -> None:
        self._port = port
        self._world = world

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._port, name)

        def request(*args: Any, **kwargs: Any) -> Any:
            def refuse() -> None:
                raise PreconditionFailed(name)

            return self._world.request(self, name, _named(args), lambda: method(*args, **kwargs), refuse)

        return request

    def described(self, answer: object) -> str:
        """An answer, as the history has it."""
        return repr(answer)

    def refusal(self, name: str) -> Exception:
        """How a request fails that was throttled."""
        return Unavailable("SlowDown", name)

    def silence(self, name: str) -> Exception:
        """How a request fails that was not answered."""
        return Unavailable("ReadTimeoutError", name)


class QueuePort(Port):
    """The queue behind the network."""

    def postpone(self, delays: Mapping[str, int]) -> None:
        self._world.hand_back({handle.split("#")[0] for handle in delays})
        self.__getattr__("postpone")(delays)


class TablePort(Port):
    """The table's client behind the network; its requests are named by what the ledger makes them for."""

    def update_item(self, **parameters: Any) -> Any:
        status = parameters["ExpressionAttributeValues"].get(":status")
        purpose = PURPOSES[None if status is None else status["S"]]
        key, etag = parameters["Key"]["object"]["S"].removeprefix(f"{UPLOADS}/"), parameters["Key"]["etag"]["S"]

        def effect() -> Any:
            answer = self._port.update_item(**parameters)
            self._world.count_end(purpose, key, etag)
            return answer

        def refuse() -> None:
            item = self._port._items.get((parameters["Key"]["object"]["S"], etag))
            raise refused("ConditionalCheckFailedException", "The conditional request failed", item)

        return self._world.request(self, purpose, key, effect, refuse)

    def described(self, answer: object) -> str:
        if isinstance(answer, ClientError):
            told: Any = answer.response  # botocore's types know no item in an error
            return f"refused, {_shown(told.get('Item', {}))}"
        return f"over {_shown(answer.get('Attributes', {}))}" if isinstance(answer, dict) else repr(answer)

    def refusal(self, name: str) -> Exception:
        return refused("ThrottlingException", "Rate exceeded")

    def silence(self, name: str) -> Exception:
        return ReadTimeoutError(endpoint_url="https://dynamodb")


@dataclass
class World:
    """The buckets, the table, the queue, the clock, and the invocations under way.

    ``decide`` is asked at each request for the fault that strikes there, if any.
    """

    seed: int = 0
    decide: Callable[[Invocation, str], Fault | None] = lambda *_: None
    made: Recipe = field(default_factory=recipe)
    removals: bool = True
    weigh: Callable[[bytes], Weight] = lambda _: Weight()

    def __post_init__(self) -> None:
        self.now = 1_000_000.0
        self.rng = random.Random(self.seed)
        self.store = MemoryStore()
        self.table = MemoryDynamoDB()
        self.queue = MemoryQueue(self.clock, VISIBILITY, MAX_RECEIVES)
        self.tokens = 0
        self.releases = 1
        self.requests = 0
        self.invocations: list[Invocation] = []
        self.counts: Counter[str] = Counter()
        self.history: list[str] = []
        self.complaints: list[str] = []
        self.completions: Counter[tuple[str, str, int]] = Counter()  # by key, etag and release
        self.ended: set[tuple[str, str]] = set()  # versions that were completed or settled, by key and ETag
        self.keys: set[str] = set()
        self.broken: set[str] = set()  # ETags
        self.spoken_of: dict[str, tuple[str, str]] = {}  # key and etag, by message body
        self.conflicts: dict[str, float] = {}  # until when such requests are refused, by name
        self.disturbances: Counter[str] = Counter()  # what may have undone finished work, by key
        self.sent_since_deployment: set[str] = set()
        self.explained: Counter[str] = Counter()  # receives that ended by the message's own failure, by message
        self.unruly: list[Trouble | None] = []  # what the next questions to a renderer meet, the last first
        self.idle: list[Environment] = []  # execution environments that wait for another batch
        self.uploaded: Counter[str] = Counter()  # by key
        self.erasures: Any = None  # `erasing.Erasures`, in a world that has any
        self._hub = greenlet.getcurrent()
        self._names = 0
        self._by_run: dict[greenlet, Thread] = {}

    def clock(self) -> float:
        return self.now

    def _token(self) -> str:
        self.tokens += 1
        return f"t{self.tokens}"

    # what uploaders do

    def upload(self, key: str, body: bytes, *, delay: float = 0) -> str:
        if key in self.keys and body != self.store.uploads.get(key, (b"",))[0]:
            self.disturbances[key] += 1
        self.keys.add(key)
        self.uploaded[key] += 1
        self.sent_since_deployment.add(key)
        etag = self.store.upload(key, body)
        if body.startswith(BROKEN):
            self.broken.add(etag)
        return self._notify(key, etag, created_body(key, etag), delay, f"PUT source {key} = {body!r}")

    def remove(self, key: str, *, delay: float = 0) -> str:
        self.disturbances[key] += 1
        self.store.remove(key)
        return self._notify(key, REMOVED_KEY, removed_body(key), delay, f"DELETE source {key}")

    def original_deleted(self, key: str) -> None:
        """An erasure has deleted the original: S3 sends an event, where the stage wants it."""
        self.disturbances[key] += 1
        if self.removals:
            self._notify(key, REMOVED_KEY, removed_body(key), 0, f"ERASE source {key}")

    def lose(self, variant: str, key: str) -> None:
        """Somebody deletes a variant by hand."""
        self.disturbances[key] += 1
        self.store.remove_variant(variant)
        self.note(f"{variant} is deleted by hand")

    def deploy(self, made: Recipe) -> None:
        """Another recipe; what was under way dies with the old environments."""
        for invocation in self.invocations[:]:
            self.counts["killed by a deployment"] += 1
            self.kill(invocation)
        self.made = made
        self.idle.clear()
        self.sent_since_deployment.clear()
        self.releases += 1
        self.note(f"deploy release {self.releases}")

    def _notify(self, key: str, etag: str, body: str, delay: float, what: str) -> str:
        self.spoken_of[body] = (key, etag)
        message_id = self.queue.send(body, delay=delay)
        self.note(f"{what} (event {message_id})")
        return message_id

    def redrive(self) -> None:
        """What every tool does: each dead letter is sent anew, as a new message."""
        dead, self.queue.dead = self.queue.dead, []
        for message in dead:
            self.queue.send(message.body)
        self.note(f"redrive {len(dead)}")

    # what Lambda does

    def invoke(self, limit: int = 10, *, only: str | None = None) -> Invocation | None:
        """Receive a batch and start an invocation on it; None when nothing is visible."""
        dead = len(self.queue.dead)
        messages = self.queue.receive(limit, only=only)
        for message in self.queue.dead[dead:]:
            self._mourn(message)
        if not messages:
            return None
        return self.start(self._work, ", ".join(f"{m.id}#{m.receives}" for m in messages), messages=messages)

    def start(
        self, work: Callable[[Invocation], None], what: str, kind: str = "W", messages: Sequence[Sent] = ()
    ) -> Invocation:
        """Start an invocation of a function on what it has received."""
        self._names += 1
        started = Invocation(f"{kind}{self._names}", self.now, list(messages))
        started.first = self._thread(started, started.name, lambda: work(started))
        self.invocations.append(started)
        self.note(f"{started.name} receives {what}")
        return started

    def _mourn(self, message: Sent) -> None:
        """A message has become a dead letter: of a healthy image, only when each of its receives has an explanation."""
        _, etag = self.spoken_of[message.body]
        if etag not in self.broken and self.explained[message.id] < message.receives:
            self.complaints.append(f"{message.id} is healthy, and dead after {message.receives} receives")

    def deliver_again(self, message_id: str) -> None:
        """At least once: a message that is being worked on is seen by another."""
        message = self.queue.messages.get(message_id)
        if message is not None:
            message.visible_at = self.now
            self.explained[message_id] += 1
            self.counts[Fault.DUPLICATE] += 1
            self.note(f"{message_id} is delivered again")

    def _thread(self, invocation: Invocation, name: str, work: Callable[[], object]) -> Thread:
        thread = Thread(name, invocation)
        thread.run = greenlet(work, self._hub)
        self._by_run[thread.run] = thread
        return thread

    def in_threads(self, work: Callable[[T], object], items: Sequence[T], /) -> None:
        """As `processing.concurrency.Threads`: all have ended after; which of them runs when, the scheduler decides."""
        me = self._running()
        invocation = me.invocation
        calls = enumerate((partial(work, item) for item in items), start=1)
        if started := [self._thread(invocation, f"{me.name}.{number}", call) for number, call in calls]:
            invocation.others += started
            invocation.awaited += started
            self._pause(me, "waits", "for its threads")

    def step(self, invocation: Invocation, thread: Thread | None = None) -> None:
        """Let an invocation run to its next moment, in one of its threads that can go on; kill it when its time is
        over and it is not frozen.
        """
        thread = thread or invocation.threads[0]
        if self.now - invocation.started > TIMEOUT and not invocation.frozen:
            self.counts["killed at the timeout"] += 1
            self.kill(invocation)
            return
        late = thread.in_flight_since is not None and self.now - thread.in_flight_since > REQUEST
        if late:
            self.kill(invocation)  # the request never took effect, and nobody is there any more
            return
        self._go_on(invocation, thread)
        if invocation.dead:
            self._end(invocation)
        elif invocation.run.dead and not invocation.others:
            self.invocations.remove(invocation)

    @staticmethod
    def _go_on(invocation: Invocation, thread: Thread) -> None:
        """With one thread; with the first as well, if that was the last that it waited for."""
        is_awaited = thread in invocation.awaited
        thread.run.switch()
        if thread.run.dead and thread is not invocation.first:
            invocation.others.remove(thread)
            if is_awaited and thread in invocation.awaited:
                invocation.awaited.remove(thread)
            if is_awaited and not invocation.awaited and not invocation.dead:
                invocation.run.switch()

    def kill(self, invocation: Invocation) -> None:
        self._bury(invocation)
        self._end(invocation)

    def _end(self, invocation: Invocation) -> None:
        """A process is dead, and its threads with it."""
        for thread in (*invocation.others, invocation.first):
            thread.run.throw(GreenletExit)
        invocation.others.clear()
        invocation.awaited.clear()
        self.invocations.remove(invocation)

    def kill_one(self, pick: float) -> None:
        """An environment dies with its whole batch."""
        if self.invocations:
            self.counts["killed with its whole batch"] += 1
            self.kill(self.invocations[int(pick * len(self.invocations))])

    def _bury(self, invocation: Invocation) -> None:
        self.note(f"{invocation.name} dies")
        invocation.dead = True
        self.explained.update(message.id for message in invocation.messages)

    def request(self, port: Port, name: str, subject: str, effect: Callable[[], Any], refuse: Callable[[], Any]) -> Any:
        """One request of the invocation that is running; ``refuse`` is its effect under a conflict."""
        self.requests += 1
        thread = self._running()
        me = thread.invocation
        if me.dead:
            raise GreenletExit  # what its code still does on its way out, no process is there to do
        me.requests += 1
        what = f"{name} {subject}"
        fault = self.decide(me, name)
        if fault is not None:
            self.counts[fault] += 1
            self.note(f"{thread.name} {what}: {fault}")
        if fault is Fault.CRASH_BEFORE:
            self._die(me)
        if fault is Fault.THROTTLED:
            raise port.refusal(name)
        if fault is Fault.CONFLICT:
            self.conflicts[name] = self.now + self.rng.uniform(LASTING / 10, LASTING)
        if self.now < self.conflicts.get(name, 0.0):
            effect = refuse
        self._pause(thread, "sent", what, in_flight=True)
        answer = _attempt(effect)
        self.note(f"{thread.name} {what}: {port.described(answer)}")
        if fault is Fault.CRASH_AFTER:
            self._die(me)
        if fault is Fault.FROZEN:
            me.frozen, me.asleep_until = True, self.now + LEASE + self.rng.uniform(0, LEASE)
            self.explained.update(message.id for message in me.messages)
        self._pause(thread, "done", what)
        if fault is Fault.LOST:
            raise port.silence(name)
        if fault is Fault.RESENT:
            me.sent_again = True
            answer = _attempt(effect)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _work(self, me: Invocation) -> None:
        environment = self.idle.pop() if self.idle else self._environment()
        batch = self._batch(me, environment)
        messages = [Message(m.id, m.handle, m.body, m.receives, m.visible_at) for m in me.messages]
        answer = batch.process(messages, seconds_left=lambda: TIMEOUT - (self.now - me.started))
        self.idle.append(environment)
        failed = {entry["itemIdentifier"] for entry in answer["batchItemFailures"]}
        if self.now - me.started > TIMEOUT:
            self._bury(me)  # Lambda counts it as failed, whatever a frozen process still says
            return
        for message in me.messages:
            if message.id not in failed:
                self._acknowledge(me, message)

    def hand_back(self, messages: set[str]) -> None:
        """Messages come back; without a try only when the invocation was slow, or others were tried more than once."""
        me = self._running().invocation
        first_tries = TRY * (len(me.messages) - 1)
        for message_id in () if me.dead else sorted(messages - me.attempted):
            self.explained[message_id] += 1
            self.counts["returned unstarted"] += 1
            if not me.excused and me.rendered <= first_tries and self.now - me.started - me.rendered <= SLOW:
                self.complaints.append(f"{me.name} handed {message_id} back unstarted, and was not slow")

    def _acknowledge(self, me: Invocation, message: Sent) -> None:
        self.queue.delete(message.handle)
        self.note(f"{me.name} acknowledges {message.id}")
        if message.receives - 1 > self.explained[message.id]:
            self.complaints.append(f"{message.id} was received {message.receives} times for others' failures")

    def _environment(self) -> Environment:
        budget = TimeBudget(TRY, function_timeout=TIMEOUT)
        renderers = renderers_of(
            self.made,
            budget,
            self.clock,
            weigh=lambda data: self.weigh(data),
            wait=lambda seconds: self._pass(self._running(), seconds),
            trouble=lambda: self.unruly.pop() if self.unruly else None,
        )
        return Environment(budget, renderers)

    def _batch(self, me: Invocation, environment: Environment) -> Batch:
        ledger = DynamoLedger(
            TablePort(self.table, self),
            table="images",
            code_version=f"code {self.releases}",
            lease_seconds=LEASE,
            clock=self.clock,
            new_token=self._token,
        )
        worker = Worker(
            store=Port(self.store, self),
            ledger=ledger,
            render=lambda data, made, only=None: self._render(me, environment.renderers, data, made, only),
            recipe=self.made,
            uploads_bucket=UPLOADS,
            prefix="images/",
            removals=self.removals,
            request_seconds=REQUEST,
            backoff=Backoff(self.rng, self._sleep),
            execute=self.in_threads,
            clock=self.clock,
        )
        return Batch(
            handle=self._watched(worker),
            queue=QueuePort(self.queue, self),
            budget=environment.budget,
            max_receive_count=MAX_RECEIVES,
            clock=self.clock,
            rng=self.rng,
        )

    def _render(
        self, me: Invocation, renderers: Renderers, data: bytes, made: Recipe, only: Collection[str] | None
    ) -> Rendered:
        """As the renderers do, which may find that too little time is left, for no reason that is seen here."""
        fault = self.decide(me, RENDER)
        if fault is Fault.TOO_LATE:
            self.counts[fault] += 1
            me.excused = True
            self.note(f"{me.name}: {fault}")
            raise NotStarted(str(fault))
        if fault is not None:
            self.counts[fault] += 1
            self.note(f"{me.name}: {fault}")
            self.unruly = [TROUBLES[fault], None]  # asked for the picture, after the price
        return renderers.render(data, made, only)

    def _pass(self, me: Thread, seconds: float) -> None:
        """An image is being rendered."""
        if seconds:
            me.invocation.rendered += seconds
            me.asleep_until = self.now + seconds
            self._pause(me, "rendering", f"{seconds:g} s")

    def _watched(self, worker: Worker) -> Callable[..., Any]:
        """The worker's handle; a living worker that loses its lease is a fault of ours."""

        def handle(event: Any, delivery: Any) -> Any:
            me = self._running().invocation
            before = me.requests
            try:
                outcome = worker.handle(event, delivery)
                me.attempted.add(delivery.message_id)
                return outcome
            except Exception as error:
                if not isinstance(error, NotStarted):
                    me.attempted.add(delivery.message_id)
                    self.explained[delivery.message_id] += 1
                in_time = self.now - me.started <= TIMEOUT
                too_late = isinstance(error.__cause__, NotStarted | Rejected | SandboxFailed)  # for a further try
                if isinstance(error, LeaseLost | OutOfTime) and not too_late and in_time and not me.sent_again:
                    self.complaints.append(f"{me.name} lost its lease within its own time: {error}")
                raise
            finally:
                if (sent := me.requests - before) > MOST_REQUESTS:
                    self.complaints.append(f"{me.name} sent {sent} requests for {delivery.message_id}")

        return handle

    def _running(self) -> Thread:
        return self._by_run[greenlet.getcurrent()]

    def _pause(self, me: Thread, state: str, what: str, *, in_flight: bool = False) -> None:
        me.in_flight_since = self.now if in_flight else None
        me.waits_at = (state, what)
        self._hub.switch()
        me.in_flight_since = None

    def _sleep(self, seconds: float) -> None:
        """Of the thread that is running; others go on."""
        me = self._running()
        me.asleep_until = self.now + seconds
        self._pause(me, "asleep", "")

    def _die(self, me: Invocation) -> None:
        self._bury(me)
        raise GreenletExit

    def count_end(self, purpose: str, key: str, etag: str) -> None:
        """Count what has taken effect: a version that was completed or settled."""
        if purpose in ("complete", "settle"):
            self.ended.add((key, etag))
        if purpose == "complete":
            self.completions[key, etag, self.releases] += 1

    def note(self, line: str) -> None:
        self.history.append(f"{self.now - 1_000_000:7.1f}  {line}")

    @property
    def items(self) -> Mapping[tuple[str, str], Mapping[str, Any]]:
        """The items of objects in the table, by object and ETag."""
        return {key: item for key, item in self.table.items.items() if not key[0].startswith("#")}

    def status(self, key: str, etag: str) -> Status | None:
        item = self.table.item(f"{UPLOADS}/{key}", etag)
        return None if item is None else Status(item["status"])


def variant_of(key: str, name: str) -> str:
    """The key of an object's variant."""
    return variant_key(key, prefix="images/", variant=name, output_format="keep")


def _attempt(effect: Callable[[], Any]) -> Any:
    try:
        return effect()
    except Exception as error:  # noqa: BLE001 - an answer like any other, which is handed over by the scheduler
        return error


def _shown(item: Mapping[str, Any]) -> str:
    """What an item says of its state."""
    return f"{item['status']['S']} of {item['owner']['S']}" if item else "no item"


def _named(args: tuple[Any, ...]) -> str:
    """The key that a request is for."""
    first = args[0] if args else ""
    return str(getattr(first, "key", first))[:60]
