"""A chaos run: what is uploaded, how it is delivered, what is broken meanwhile, and whether all agrees in the end."""

import io
import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from PIL import Image

from ops.local.deployed import EventSourceMapping, Function
from ops.local.emulator import ACCOUNT, Emulator
from ops.local.player import Player
from ops.local.program import Program
from processing import imaging
from processing.events import parse
from processing.recipe import load
from tests.chaos import lines
from tests.chaos.kills import KILL, RENDERER_KILL, killers
from tests.chaos.proxy import Proxy, Trouble
from tests.chaos.stage import RECEIVES, REGION, TIMEOUT, VISIBILITY, Stage, Upload

ROOT = Path(__file__).resolve().parents[2]
VARIANTS = ("desktop", "tablet", "phone")


@dataclass
class Result:
    """What came of a run; ``disagreements`` is empty when ledger, buckets and dead letters agree with the uploads.

    ``used_up`` tells what became of the receives of what had to be redriven.
    """

    objects: int = 0
    events: int = 0
    deliveries: int = 0
    seconds: float = 0.0
    injected: Counter[str] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    redriven: int = 0
    used_up: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    compared: int = 0  # variants, with the engine's own, byte by byte
    twice: list[str] = field(default_factory=list)
    too_soon: list[str] = field(default_factory=list)
    disagreements: list[str] = field(default_factory=list)


class Chaos:
    """One run on an emulator of its own.

    Args:
        images: how many keys; one in twenty is broken, one in five is overwritten or removed.
        work_dir: for logs.
        progress: called with each line worth telling.
    """

    def __init__(self, *, images: int, seed: int, work_dir: Path, progress: Callable[[str], None]) -> None:
        self._images = images
        self._rng = random.Random(seed)
        self._seed = seed
        self._recipe = load((ROOT / "recipe.toml").read_text(encoding="utf-8"))
        self._log_dir = work_dir / "logs"
        self._progress = progress
        self.result = Result(objects=images)

    def run(self) -> Result:
        """Upload, break things for a while, let all come to its end, and compare."""
        started = time.monotonic()
        emulator = Emulator(region=REGION, log=self._log_dir / "emulator.log")
        emulator.start()
        try:
            with Proxy(emulator.endpoint, seed=self._seed) as proxy:
                self._play(emulator, proxy)
        finally:
            emulator.stop()
        self.result.seconds = time.monotonic() - started
        return self.result

    def _play(self, emulator: Emulator, proxy: Proxy) -> None:
        self._stage = stage = Stage(emulator)
        uploads = self._upload(stage)
        player = self._player(stage, emulator, proxy)
        player.start()
        try:
            proxy.rate = 0.03
            with killers(player, self.result.injected, seed=self._seed):
                self._trouble(proxy, stage, player)
            self._queue_outage(proxy, stage, player)
            proxy.rate = 0.0
            self._progress("calm again: waiting for the queue to drain")
            self._drain(stage, player)
            self._redrive(stage, uploads)
            self._drain(stage, player)
        finally:
            player.kill()
        self.result.injected.update(proxy.counts)
        self.result.deliveries = player.counts.messages
        self._compare(stage, uploads)

    def _upload(self, stage: Stage) -> list[Upload]:
        """Put every version, then send every event 1 to 4 times in any order."""
        uploads = [self._plan(number) for number in range(self._images)]
        bodies = []
        for upload in uploads:
            for version in upload.versions:
                bodies += [stage.put(upload, version)] * self._rng.choice((1, 1, 2, 3, 4))
        self.result.events = len(bodies)
        self._rng.shuffle(bodies)
        stage.send(bodies)
        self._progress(f"{len(uploads)} objects, {len(bodies)} messages")
        return uploads

    def _plan(self, number: int) -> Upload:
        key = f"images/{number % 7}/photo {number:04d}.jpg"
        if number % 20 == 0:
            return Upload(key, [self._broken()])
        if number % 5 == 1:
            one, other = self._picture(), self._picture()
            return Upload(key, list(self._rng.choice([(one, other), (one, other, one), (one, None), (one, None, one)])))
        return Upload(key, [self._picture()])

    def _picture(self) -> bytes:
        out = io.BytesIO()
        noise = Image.frombytes("RGB", (8, 6), self._rng.randbytes(8 * 6 * 3))
        noise.resize((160, 120)).save(out, "JPEG")
        return out.getvalue()

    def _broken(self) -> bytes:
        return self._picture()[:-400] if self._rng.random() < 0.5 else b"no picture " + self._rng.randbytes(8)

    def _player(self, stage: Stage, emulator: Emulator, proxy: Proxy) -> Player:
        arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:chaos"
        function = Function(
            name="chaos", arn=arn, handler="tests.chaos.handler.handler", timeout=TIMEOUT, memory=1769,
            environment=stage.environment(),
        )  # fmt: skip
        mapping = EventSourceMapping(
            queue_arn=f"arn:aws:sqs:{REGION}:{ACCOUNT}:uploads", function_name="chaos", batch_size=10, window=0,
            maximum_concurrency=3, reports_failures=True,
        )  # fmt: skip
        program = Program(function, sys.executable, ROOT, (Path(boto3.__file__).parents[1],))
        return Player(
            emulator.client("sqs"), lambda: mapping, lambda: program,
            environ=emulator.environ() | {"AWS_ENDPOINT_URL": proxy.url}, log_dir=self._log_dir, environments=3,
        )  # fmt: skip

    def _trouble(self, proxy: Proxy, stage: Stage, player: Player) -> None:
        """S3 and DynamoDB out altogether until it has hurt; kills and trouble with single requests all the time."""
        refusals = self._images // 4
        self._outage("s3", proxy, stage, player, lambda refused: refused >= refusals)
        self._outage("dynamodb", proxy, stage, player, lambda refused: refused >= refusals)
        self._progress("all services answer, for the most part")
        calls, kills = sum(proxy.counts.values()) + self._images // 10, self._images // 12
        done = self.result.injected
        self._wait(
            stage, player,
            lambda: sum(proxy.counts.values()) >= calls and min(done[KILL], done[RENDERER_KILL]) >= kills,
        )  # fmt: skip

    def _queue_outage(self, proxy: Proxy, stage: Stage, player: Player) -> None:
        """SQS is out for the function, until some batches could not postpone their messages after every try.

        When nothing is killed any more: the tries last seconds, for which hardly a process would live.
        """
        batches = max(1, self._images // 50)
        self._outage("sqs", proxy, stage, player, lambda _: lines.gave_up_postponing(self._log_dir) >= batches)

    def _outage(self, service: str, proxy: Proxy, stage: Stage, player: Player, enough: Callable[[int], bool]) -> None:
        """A service is out until it has hurt ``enough``, which is told how many requests were refused.

        Messages are received and deleted all the same, also from SQS: on AWS the mapping does that, not the function.
        """
        self._progress(f"{service} is out")
        name = f"{service}: {Trouble.REFUSED}"
        before, proxy.down = proxy.counts[name], service
        self._wait(stage, player, lambda: enough(proxy.counts[name] - before))
        proxy.down = None

    @staticmethod
    def _wait(stage: Stage, player: Player, enough: Callable[[], bool]) -> None:
        """Until it is enough, or nothing is left that could be troubled."""
        while stage.left() and not enough():
            player.raise_if_broken()
            time.sleep(0.1)

    def _drain(self, stage: Stage, player: Player) -> None:
        deadline = time.monotonic() + 40 * VISIBILITY
        while (left := stage.left()) and time.monotonic() < deadline:
            player.raise_if_broken()
            time.sleep(0.2)
        if left:
            self.result.disagreements.append(f"{left} messages are left after {40 * VISIBILITY} s")

    def _redrive(self, stage: Stage, uploads: list[Upload]) -> None:
        """Send again what died without being broken: it met more faults than it had receives."""
        broken = {upload.key for upload in uploads if is_broken(upload.last)}
        again = [message for message in stage.dead() if key_of(message["Body"]) not in broken]
        ids = {message["MessageId"] for message in again}
        self.result.redriven = len(again)
        self.result.used_up = lines.used_up(lines.read(self._log_dir), ids, RECEIVES)
        stage.bury(again)
        stage.send([message["Body"] for message in again])

    def _compare(self, stage: Stage, uploads: list[Upload]) -> None:
        dead = {key_of(message["Body"]) for message in stage.dead()}
        shown = stage.shown()
        for upload in uploads:
            expected = None if upload.last is None else upload.etags[-1]
            item = stage.item(upload.key, expected) if expected else None
            self.result.statuses[item["status"] if item else "REMOVED"] += 1
            self._judge(upload, expected, item, shown, upload.key in dead)
            self._compare_pictures(stage, upload, shown)
        self._read_the_log(uploads)
        found = self.result
        found.disagreements += found.lost + found.stale + found.wrong + found.twice + found.too_soon

    def _judge(self, upload: Upload, expected: str | None, item: Any, shown: dict[str, str], is_dead: bool) -> None:
        found = [shown.get(upload.key.replace("images/", f"{name}/")) for name in VARIANTS]
        if not is_picture(upload.last):
            is_rejected = item is not None and item["status"] == "REJECTED"
            if (is_rejected, is_dead) != ((True, True) if is_broken(upload.last) else (False, False)):
                self.result.lost.append(f"{upload.key}: no picture, and {item and item['status']}, dead: {is_dead}")
            if any(found):
                self.result.stale.append(f"{upload.key}: nothing must be shown, but {found}")
            return
        if is_dead or not item or item["status"] != "DONE":
            self.result.lost.append(f"{upload.key}: {item and item['status']}, dead: {is_dead}")
        if set(found) != {expected}:
            self.result.stale.append(f"{upload.key}: {expected} must be shown, but {found}")

    def _compare_pictures(self, stage: Stage, upload: Upload, shown: dict[str, str]) -> None:
        """Every variant is, byte by byte, what the engine makes of the version it is said to be of."""
        for name in VARIANTS:
            key = upload.key.replace("images/", f"{name}/")
            if (etag := shown.get(key)) in upload.etags:
                body = [version for version in upload.versions if version is not None][upload.etags.index(etag)]
                made = {variant.name: variant.data for variant in imaging.render(body, self._recipe).variants}
                self.result.compared += 1
                if stage.variant(key) != made[name]:
                    self.result.wrong.append(f"{key}: not what the engine makes of {etag}")

    def _read_the_log(self, uploads: list[Upload]) -> None:
        """Nothing that was never undone is done twice; nothing comes back before the lease it waits for has ended."""
        told = lines.read(self._log_dir)
        undisturbed = {f"uploads/{upload.key}" for upload in uploads if len(upload.versions) == 1}
        self.result.twice = lines.done_twice(told, undisturbed)
        self.result.too_soon = lines.back_too_soon(told)


def is_picture(body: bytes | None) -> bool:
    return body is not None and body.endswith(b"\xff\xd9")


def is_broken(body: bytes | None) -> bool:
    return body is not None and not is_picture(body)


def key_of(body: str) -> str:
    return parse(body)[0].key
