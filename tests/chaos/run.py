"""A chaos run: upload, deliver and announce while things break, let all come to its end, and compare."""

import random
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ops.local.deployed import EventSourceMapping, Function
from ops.local.emulator import ACCOUNT, Emulator
from ops.local.player import Player
from ops.local.program import Program
from processing.ledger import Status, read
from processing.recipe import load
from tests.chaos import lines
from tests.chaos.announcing import HANDLER, Announcing
from tests.chaos.bad_day import BadDay
from tests.chaos.comparison import Comparison
from tests.chaos.proxy import Proxy
from tests.chaos.result import Result
from tests.chaos.stage import PACKAGES, RECEIVES, REGION, ROOT, TIMEOUT, Stage
from tests.chaos.uploads import Upload, key_of, plan


class Chaos:
    """One run on an emulator of its own.

    Args:
        images: how many keys.
        work_dir: for logs.
        progress: called with each line worth telling.
        announcer: its handler.
    """

    def __init__(
        self,
        *,
        images: int,
        seed: int,
        work_dir: Path,
        progress: Callable[[str], None],
        announcer: str = HANDLER,
    ) -> None:
        self._images = images
        self._rng = random.Random(seed)
        self._seed = seed
        self._announcer = announcer
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
        stage, found = Stage(emulator), self.result
        uploads = self._upload(stage)
        with self._players(stage, emulator, proxy) as (player, announcing):
            day = BadDay(
                images=self._images, seed=self._seed, stage=stage, player=player, announcing=announcing, proxy=proxy,
                injected=found.injected, log_dir=self._log_dir, progress=self._progress,
            )  # fmt: skip
            day.rage()
            self._progress("calm again: waiting for the queue to drain")
            found.disagreements += day.drain()
            self._redrive(stage)
            found.disagreements += [*day.drain(), *announcing.wait()]
        found.injected.update(proxy.counts)
        found.deliveries = player.counts.messages
        recipe = load((ROOT / "recipe.toml").read_text(encoding="utf-8"))
        Comparison(stage, recipe, self._log_dir, found).run(uploads, announcing.received())

    def _upload(self, stage: Stage) -> list[Upload]:
        """Put every version, then send every event 1 to 4 times in any order."""
        uploads = [plan(number, self._rng) for number in range(self._images)]
        bodies = []
        for upload in uploads:
            for version in upload.versions:
                bodies += [stage.put(upload, version)] * self._rng.choice((1, 1, 2, 3, 4))
        self.result.messages = len(bodies)
        self._rng.shuffle(bodies)
        stage.send(bodies)
        self._progress(f"{len(uploads)} objects, {len(bodies)} messages")
        return uploads

    @contextmanager
    def _players(self, stage: Stage, emulator: Emulator, proxy: Proxy) -> Iterator[tuple[Player, Announcing]]:
        """The consumer and the announcer, which talk to AWS through the proxy."""
        player = self._player(stage, emulator, proxy)
        announcing = Announcing(emulator, stage, endpoint=proxy.url, log_dir=self._log_dir, handler=self._announcer)
        proxy.kill_announcer = announcing.kill_process
        try:
            announcing.player.start()
            player.start()
            yield player, announcing
        finally:
            player.kill()
            announcing.player.kill()

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
        program = Program(function, sys.executable, ROOT, PACKAGES)
        return Player(
            emulator.client("sqs"), lambda: mapping, lambda: program,
            environ=emulator.environ() | {"AWS_ENDPOINT_URL": proxy.url}, log_dir=self._log_dir, environments=3,
        )  # fmt: skip

    def _redrive(self, stage: Stage) -> None:
        """Send again what died without being rejected: it met more faults than it had receives."""
        records = map(read, stage.items())
        rejected = {record.version.key for record in records if record.status is Status.REJECTED}
        again = [message for message in stage.dead() if key_of(message["Body"]) not in rejected]
        ids = {message["MessageId"] for message in again}
        self.result.redriven = len(again)
        self.result.used_up = lines.used_up(lines.read(self._log_dir), ids, RECEIVES)
        stage.bury(again)
        stage.send([message["Body"] for message in again])
