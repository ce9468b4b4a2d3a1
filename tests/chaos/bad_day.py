"""What happens in a chaos run, and until when: outages, kills and trouble with single requests, then calm."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ops.local.player import Player
from tests.chaos import lines
from tests.chaos.announcing import Announcing
from tests.chaos.kills import ANNOUNCER_KILL, KILL, RENDERER_KILL, killing
from tests.chaos.proxy import Proxy
from tests.chaos.stage import VISIBILITY, Stage
from tests.chaos.troubles import BUS, Trouble

DRAINED_BY = 40 * VISIBILITY  # seconds


@dataclass(frozen=True)
class BadDay:
    """A day on which everything goes wrong for a while.

    Args:
        injected: counts the kills.
        log_dir: of the consumer.
        progress: called with each line worth telling.
    """

    images: int
    seed: int
    stage: Stage
    player: Player
    announcing: Announcing
    proxy: Proxy
    injected: Counter[str]
    log_dir: Path
    progress: Callable[[str], None]

    def rage(self) -> None:
        """Break everything, until all of it has hurt or nothing is left that it could hurt."""
        self.proxy.stormy = True
        with killing(self.player, self.announcing.player, self.injected, seed=self.seed):
            self._outages()
            self.progress("all services answer, for the most part")
            calls = self.proxy.counts.total() + self.images // 10
            self._wait(lambda: self.proxy.counts.total() >= calls and self._enough_is_killed())
        self._queue_outage()
        self.proxy.stormy = False

    def drain(self) -> list[str]:
        """Wait until no message is left; says how many are when it lasts too long."""
        deadline = time.monotonic() + DRAINED_BY
        while (left := self.stage.left()) and time.monotonic() < deadline:
            self._raise_if_broken()
            time.sleep(0.2)
        return [f"{left} messages are left after {DRAINED_BY} s"] if left else []

    def _enough_is_killed(self) -> bool:
        """The announcer has fewer invocations, and is killed by the proxy as well."""
        enough = {KILL: self.images // 12, RENDERER_KILL: self.images // 12, ANNOUNCER_KILL: self.images // 20}
        return all(self.injected[kind] >= number for kind, number in enough.items())

    def _outages(self) -> None:
        """EventBridge, S3 and DynamoDB out altogether, one after the other."""
        refusals = self.images // 4
        self._outage(BUS, lambda refused: refused >= max(4, self.images // 25))
        self._outage("s3", lambda refused: refused >= refusals)
        self._outage("dynamodb", lambda refused: refused >= refusals)

    def _queue_outage(self) -> None:
        """SQS is out for the function, until some batches could not postpone their messages after every try.

        When the consumer is not killed any more: the tries last seconds, for which hardly a process would live.
        """
        batches = max(1, self.images // 50)
        self._outage("sqs", lambda _: lines.gave_up_postponing(self.log_dir) >= batches)

    def _outage(self, service: str, enough: Callable[[int], bool]) -> None:
        """A service is out until it has hurt ``enough``, which gets the number of refused requests.

        Messages are received and deleted all the same, also from SQS: on AWS the mapping does that, not the function.
        """
        self.progress(f"{service} is out")
        name = f"{service}: {Trouble.REFUSED}"
        before, self.proxy.down = self.proxy.counts[name], service
        self._wait(lambda: enough(self.proxy.counts[name] - before))
        self.proxy.down = None

    def _wait(self, enough: Callable[[], bool]) -> None:
        """Until it is enough, or nothing is left that could be troubled."""
        while self.stage.left() and not enough():
            self._raise_if_broken()
            time.sleep(0.1)

    def _raise_if_broken(self) -> None:
        self.player.raise_if_broken()
        self.announcing.player.raise_if_broken()
