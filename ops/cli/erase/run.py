"""Erases many objects side by side: each is taken up again when what it waits for is over."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

from processing.erasure import Eraser, Receipt, Wait
from processing.errors import DarkroomError, ErasureEnded
from processing.ledger.erasures import Intent

THREADS: Final = 8
LONGEST_PAUSE: Final = 1.0  # seconds between two looks at what is due


@dataclass
class Erased:
    """The results, by the object's name."""

    receipts: dict[str, Receipt] = field(default_factory=dict)
    elsewhere: list[str] = field(default_factory=list)  # ended by another worker
    failed: dict[str, str] = field(default_factory=dict)

    @property
    def empty(self) -> list[str]:
        """The objects of which there was nothing: their names may have been mistyped."""
        return [name for name, receipt in self.receipts.items() if receipt.is_empty]


@dataclass(frozen=True)
class Erasing:
    """Args:
    pause: waits for so many seconds.
    on_change: called with the numbers of objects that are erased and that wait.
    """

    eraser: Eraser
    clock: Callable[[], float] = time.time
    pause: Callable[[float], None] = time.sleep
    on_change: Callable[[int, int], object] = lambda _erased, _waiting: None

    def run(self, intents: Sequence[Intent]) -> Erased:
        """Erase them all; what fails stays pending."""
        done = Erased()
        left = {intent.digest: intent for intent in intents}
        due = dict.fromkeys(left, 0.0)
        with ThreadPoolExecutor(THREADS, thread_name_prefix="erasures") as pool:
            while left:
                ready = [left[digest] for digest, moment in due.items() if moment <= self.clock()]
                for intent, step in zip(ready, pool.map(self._advance, ready), strict=True):
                    if isinstance(step, Wait):
                        due[intent.digest] = self.clock() + step.seconds
                    else:
                        del left[intent.digest], due[intent.digest]
                        _note(done, intent, step)
                self.on_change(len(done.receipts), len(left))
                if left and not ready:
                    self.pause(min(LONGEST_PAUSE, max(0.0, min(due.values()) - self.clock())))
        return done

    def _advance(self, intent: Intent) -> Receipt | Wait | Exception:
        try:
            current = self.eraser.table.find(intent.digest)
            if current is None:
                raise ErasureEnded("another worker has ended it")
            return self.eraser.advance(current)
        except DarkroomError as error:
            return error


def _note(done: Erased, intent: Intent, step: Receipt | Exception) -> None:
    if isinstance(step, Receipt):
        done.receipts[intent.object] = step
    elif isinstance(step, ErasureEnded):
        done.elsewhere.append(intent.object)
    else:
        done.failed[intent.object] = f"{type(step).__name__}: {step}"
