"""Random histories, each told by its seed alone: what uploaders do, who runs when, and which faults strike."""

import random
from collections.abc import Callable

from tests.builders import BROKEN, changed
from tests.simulation.erasing import Erasures
from tests.simulation.rendering import Weight
from tests.simulation.simulator import CONDITIONAL, RENDER, TIMEOUT, TRY, Fault, Invocation, Thread, World, variant_of

KEYS = ("images/cat.jpg", "images/dog.heic")  # whose variants keep the name, and do not
BODIES = (b"A", b"Z", b"A", b"Z", b"B", BROKEN)  # few, so that a key often goes back to an earlier picture
BACK_AND_FORTH = ("ZAZ", "ZAZ", "Z-", "Z-Z", "ZA-", "A-Z", "ZAZA", "Z-ZA")  # "-" is a removal
MOST_STEPS = 5_000
MOST_WORKERS = 3
HEAVY = 16  # one history in so many
SECONDS = (8.0, 10.0, 12.0, 14.0, TRY - 0.1)  # that a heavy image takes
BRISK = 0.1  # of the usual time between two steps, so that a batch's requests are not slow one after another


def play(
    seed: int, *, most_faults: int = 3, prepare: Callable[[World], None] | None = None, erasing: bool = False
) -> World:
    """Play one history until no message is left, redrive what is dead without faults, and play that to its end.

    With ``erasing``, objects are erased in it, and its stage may have removals off.
    """
    rng = random.Random(seed)
    world = World(seed=seed)
    if erasing:
        world.erasures, world.removals = Erasures(world), rng.random() < 0.5
    world.decide = _faults(rng, budget=rng.randint(0, most_faults))
    if prepare is not None:
        prepare(world)
    schedule = Schedule(rng)
    script = _erasing_script if erasing else _script
    moves = _heavy(world, schedule, rng) if seed % HEAVY == 0 and not erasing else script(rng)
    _to_the_end(world, schedule, moves)
    world.decide = lambda *_: None
    world.conflicts.clear()
    schedule.calm = True
    _to_the_end(world, schedule, [World.redrive])
    return world


def _to_the_end(world: World, schedule: "Schedule", moves: "Moves") -> None:
    for _ in range(MOST_STEPS):
        if not schedule.step(world, moves):
            return
    world.complaints.append(f"no end after {MOST_STEPS} steps")


def _script(rng: random.Random) -> list[Callable[[World], None]]:
    """One to five things that uploaders and operators do, the first always an upload.

    A third of the histories go back and forth between two pictures of one key, as fast as can be: what is hardest to
    get right is a picture that comes back, since it cannot be told from what it was before.
    """
    if rng.random() < 0.33:
        return [_a_move(letter) for letter in rng.choice(BACK_AND_FORTH)]
    keys = KEYS[: rng.choice((1, 1, 1, 2))]
    moves = [_upload(rng.choice(keys), rng.choice(BODIES), _delay(rng))]
    kinds = (_an_upload, _an_upload, _an_upload, _a_removal, _a_duplicate, _a_loss, _a_deployment, _a_redrive)
    for _ in range(rng.randint(0, 4)):
        moves += rng.choice(kinds)(rng, rng.choice(keys))
    return moves


def _erasing_script(rng: random.Random) -> list[Callable[[World], None]]:
    """An upload, an erasure of it at any moment, and what else uploaders and operators do before and after."""
    key = KEYS[0]
    kinds = (_an_upload, _an_upload, _a_removal, _a_duplicate, _a_redrive, _an_erasure)
    moves = _an_upload(rng, key)
    for _ in range(rng.randint(0, 3)):
        moves += rng.choice(kinds)(rng, key)
    moves.insert(rng.randint(1, len(moves)), _an_erasure(rng, key)[0])
    return moves


def _heavy(world: World, schedule: "Schedule", rng: random.Random) -> list[Callable[[World], None]]:
    """A full batch of images that take long, some of them only alone and at most two poisoned, and perhaps a kill.

    An image's body is its seconds, "H12", or "O12" where it outgrows what it promised.
    """
    world.weigh = _weight
    schedule.batch, schedule.haste = 10, BRISK
    kinds = rng.choice(("H", "H", "HHHO", "O"))
    bodies = [f"{rng.choice(kinds)}{rng.choice(SECONDS):g}".encode() for _ in range(10)]
    for number in range(rng.choice((0, 0, 1, 2))):
        bodies[number] = BROKEN
    rng.shuffle(bodies)
    moves = [_upload(f"images/{number}.gif", body, delay=0) for number, body in enumerate(bodies)]
    kills = rng.choice((0, 0, 0, 1, 2))
    return [_all_of(moves), *(_a_kill(rng.random()) for _ in range(kills))]


def _weight(body: bytes) -> Weight:
    """A broken image hangs."""
    return Weight(2 * TRY) if body == BROKEN else Weight(float(body[1:]), outgrows=body.startswith(b"O"))


def _all_of(moves: "Moves") -> Callable[[World], None]:
    def all_of(world: World) -> None:
        for move in moves:
            move(world)

    return all_of


def _a_kill(pick: float) -> Callable[[World], None]:
    return lambda world: world.kill_one(pick)


Moves = list[Callable[[World], None]]


def _a_move(letter: str) -> Callable[[World], None]:
    if letter == "-":
        return lambda world: _ignore(world.remove(KEYS[0]))
    return _upload(KEYS[0], letter.encode(), delay=0)


def _an_upload(rng: random.Random, key: str) -> Moves:
    return [_upload(key, rng.choice(BODIES), _delay(rng))]


def _a_removal(rng: random.Random, key: str) -> Moves:
    delay = _delay(rng)
    return [lambda world: _ignore(world.remove(key, delay=delay))]


def _an_erasure(_: random.Random, key: str) -> Moves:
    return [lambda world: world.erasures.begin(key)]


def _a_duplicate(rng: random.Random, _: str) -> Moves:
    pick = rng.random()
    return [lambda world: _again(world, pick)]


def _a_loss(rng: random.Random, key: str) -> Moves:
    """Somebody deletes a variant by hand, and the same picture is uploaded again to heal it."""
    name = rng.choice(("desktop", "phone"))
    return [lambda world: _lose(world, key, name), lambda world: _upload_again(world, key)]


def _a_deployment(rng: random.Random, key: str) -> Moves:
    """Another recipe, and what is there is sent through again; nothing of the old one is under way.

    One setting alters what is made, of one variant or of both; the other alters fingerprints alone.
    """
    names = rng.choice((("desktop",), ("phone",), ("desktop", "phone")))
    setting = rng.choice(("quality", "effort"))
    return [lambda world: _deploy(world, names, setting), lambda world: _upload_again(world, key)]


def _a_redrive(_: random.Random, __: str) -> Moves:
    return [lambda world: world.redrive()]


def _upload(key: str, body: bytes, delay: float) -> Callable[[World], None]:
    return lambda world: _ignore(world.upload(key, body, delay=delay))


def _upload_again(world: World, key: str) -> None:
    found = world.store.uploads.get(key)
    if found is not None:
        world.upload(key, found[0])


def _lose(world: World, key: str, name: str) -> None:
    world.lose(variant_of(key, name), key)


def _deploy(world: World, names: tuple[str, ...], setting: str) -> None:
    world.deploy(changed(world.made, *names, **{setting: world.releases + 1}))


def _again(world: World, pick: float) -> None:
    messages = sorted(world.queue.messages)
    if messages:
        world.deliver_again(messages[int(pick * len(messages))])


def _threads(world: World) -> list[Thread]:
    return [thread for invocation in world.invocations for thread in invocation.threads]


def _delay(rng: random.Random) -> float:
    """Seconds until S3's event arrives; unordered."""
    return rng.choice((0, 0, 0, rng.uniform(0, 5), rng.uniform(0, 120)))


def _ignore(_: object) -> None:
    """A move returns nothing."""


def _faults(rng: random.Random, budget: int) -> Callable[[Invocation, str], Fault | None]:
    left = [budget]
    rate = rng.choice((0.02, 0.08, 0.2))
    of_rendering = (Fault.TOO_LATE, Fault.LATE_ANSWER, Fault.SECOND_ANSWER)
    of_requests = [fault for fault in Fault if fault not in (Fault.DUPLICATE, *of_rendering)]

    def decide(_: Invocation, name: str) -> Fault | None:
        kinds = of_rendering if name == RENDER else of_requests
        if not left[0] or rng.random() > rate * (len(kinds) if name == RENDER else 1):
            return None
        left[0] -= 1
        return rng.choice([fault for fault in kinds if fault is not Fault.CONFLICT or name in CONDITIONAL])

    return decide


class Schedule:
    """Who runs next: at random, or the one of highest priority, with changes of mind at a few points.

    The second finds the bugs that need one worker to run long while another stands still.
    """

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._by_priority = rng.random() < 0.6
        self._fickle = rng.choice((0.02, 0.05, 0.15))
        self.batch = rng.choice((1, 1, 1, 2, 10))
        self.haste = 1.0
        self._priority: dict[str, float] = {}
        self.calm = False  # nobody falls asleep any more

    def step(self, world: World, moves: Moves) -> bool:
        """Let one actor do one thing; False when all is over."""
        world.now += self.haste * self._rng.choice((0.0, 0.01, 0.1, 0.5))
        actors = {each.name: each for each in _threads(world) if each.awake_at <= world.now}
        names = list(actors)
        if moves:
            names.append("uploader")
        if len(world.invocations) < MOST_WORKERS and any(
            message.visible_at <= world.now for message in world.queue.messages.values()
        ):
            names.append("poller")
        if world.erasures and world.erasures.visible:
            names.append("eraser")
        if not names:
            return self._wait(world)
        name = self._choose(names)
        if name == "uploader":
            moves.pop(0)(world)
        elif name == "poller":
            world.invoke(self.batch)
        elif name == "eraser":
            world.erasures.invoke()
        else:
            self._run(world, actors[name])
        return True

    def _choose(self, names: list[str]) -> str:
        if not self._by_priority:
            return self._rng.choice(names)
        for name in names:
            self._priority.setdefault(name, self._rng.random())
        first = max(names, key=self._priority.__getitem__)
        if self._rng.random() < self._fickle:
            self._priority[first] -= 1
        return first

    def _run(self, world: World, thread: Thread) -> None:
        world.step(thread.invocation, thread)
        if not self.calm and self._rng.random() < 0.01:
            longest = 15.0 if thread.in_flight_since is not None else TIMEOUT + 10
            asleep_until = world.now + self._rng.uniform(0, longest)
            thread.asleep_until = max(thread.asleep_until, asleep_until)

    @staticmethod
    def _wait(world: World) -> bool:
        """Nothing can run: let time pass until something can."""
        moments = [thread.awake_at for thread in _threads(world)]
        moments += [message.visible_at for message in world.queue.messages.values()]
        moments += world.erasures.due.values() if world.erasures else ()
        later = [moment for moment in moments if moment > world.now]  # a message may be visible, and nobody free for it
        world.now = min(later, default=world.now)
        return bool(moments)
