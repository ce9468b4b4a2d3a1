"""One keeper and its renderer, as the consumer sees them: started, given an image, killed at the deadline."""

import contextlib
import os
import pickle
import signal
import subprocess
import sys
import time
import weakref
from collections.abc import Mapping, Sequence
from typing import Any, Final

from processing.capacity import MOST_KEPT
from processing.contained.channel import Channel, Gone
from processing.errors import (
    CorruptImage,
    ImageTooLarge,
    Rejected,
    RenderBug,
    RenderCrash,
    RenderOutOfMemory,
    RenderTimeout,
    UnsupportedFormat,
)
from processing.picture import Rendered, RenderedVariant, Source
from processing.recipe import Recipe

KEEPER: Final = "processing.contained.keeper"
KEPT: Final = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "TZ")  # all that a child sees of the environment ...
KEPT_PREFIX: Final = "MALLOC_"  # ... and how its memory is managed
REJECTIONS: Final = {kind.__name__: kind for kind in (UnsupportedFormat, CorruptImage, ImageTooLarge)}
STARTUP_SECONDS: Final = 20.0


class Renderer:
    """A child process that renders one image at a time, for one thread at a time.

    Args:
        environ: the consumer's environment, of which the child gets what it needs to run.
        kept: megabytes that a child may keep from one image to the next; to fault them in anew is half a render.
        keeper: the module to run; tests have one whose engine misbehaves.
    """

    def __init__(
        self, recipe: Recipe, *, environ: Mapping[str, str], kept: float = MOST_KEPT, keeper: str = KEEPER
    ) -> None:
        self._recipe = recipe
        self._environ = {**_kept(environ), "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        self._kept = kept
        self._keeper = keeper
        self._is_ready: bool
        self._was_killed: bool
        self._channel: Channel
        self._process: subprocess.Popen[bytes]
        self._start()

    def price(self, data: bytes, *, seconds: float) -> float:
        """Hand an image to the child, which reads its header; the megabytes that rendering would take.

        Reading headers is not limited in memory: none takes any that counts. A WebP's reader makes room for all pixels,
        381 MB for 50 million of them, but touches none of it.

        Raises:
            UnsupportedFormat, CorruptImage, ImageTooLarge: as the engine in the child says.
            RenderTimeout, RenderCrash, RenderOutOfMemory: it did not come back; the next image gets a fresh child.
            RenderBug: anything else that was raised in the child.
        """
        self.await_birth()
        answer, _ = self._ask({"admitted": False, "seconds": seconds}, [data], seconds)
        return float(_asked("price", answer)["megabytes"])

    def render(self, *, megabytes: float, seconds: float) -> Rendered:
        """Have the child render the image whose price was told last.

        Args:
            megabytes: what rendering may take.

        Raises: as `price` does.
        """
        answer, body = self._ask({"admitted": True, "megabytes": megabytes, "seconds": seconds}, (), seconds)
        return _rendered(_asked("rendered", answer), body)

    def await_birth(self) -> None:
        """Wait until there is a child to work, whatever became of the last one."""
        if self._is_ready:
            return
        for start in (None, self._restart):
            if start is not None:
                start()
            with contextlib.suppress(Gone, TimeoutError):
                self._skip_to_birth()
                self._is_ready = True
                return
        raise RuntimeError(f"no renderer came to life in {STARTUP_SECONDS:g} s; its keeper's output tells why")

    def kill(self) -> None:
        """Have the keeper end the child that is there; the next image gets a fresh one."""
        self._is_ready, self._was_killed = False, True
        self._process.send_signal(signal.SIGUSR1)

    def close(self) -> None:
        """End the child, and wait until it has ended."""
        self._end()

    def _skip_to_birth(self) -> None:
        """Pass over what the last child still said, and the birth of one that was killed."""
        while True:
            message, _ = self._channel.receive(STARTUP_SECONDS)
            self._was_killed = self._was_killed and not message.get("died")
            if "born" in message and not self._was_killed:
                return

    def _start(self) -> None:
        self._is_ready, self._was_killed = False, False
        self._channel, theirs = Channel.pair()
        descriptors = theirs.descriptors
        self._process = subprocess.Popen(  # noqa: S603 - nothing of it is input
            [sys.executable, "-m", self._keeper, *map(str, descriptors)],
            env=self._environ,
            pass_fds=descriptors,
            stdin=subprocess.DEVNULL,
        )
        theirs.close()
        self._end = weakref.finalize(self, _end, self._process, self._channel)
        with contextlib.suppress(Gone):  # it is seen to be gone when it is waited for
            self._channel.send({"kept": self._kept}, [pickle.dumps(self._recipe)])

    def _restart(self) -> None:
        self.close()
        self._start()

    def _ask(self, message: Mapping[str, Any], body: Sequence[bytes], seconds: float) -> tuple[dict[str, Any], bytes]:
        """Send, and wait for the answer; by the deadline the child is killed."""
        deadline = time.monotonic() + seconds
        try:
            self._channel.send(message, body)
            while True:
                answer, content = self._channel.receive(max(0.001, deadline - time.monotonic()))
                if answer.get("died"):
                    raise _cause_of_death(answer["died"])
                if not answer.keys() & {"born", "died"}:  # the last one had grown, and left; this is the next
                    return answer, content
        except TimeoutError:
            self.kill()
            raise RenderTimeout(f"not done after {seconds:g} s") from None
        except Gone:
            self._is_ready = False
            raise RenderCrash("the renderer's keeper has ended") from None
        except BaseException:
            self._is_ready = False
            raise


def _kept(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environ.items() if name in KEPT or name.startswith(KEPT_PREFIX)}


def _end(process: "subprocess.Popen[bytes]", end: Channel) -> None:
    end.close()
    process.kill()
    process.wait()


def _cause_of_death(status: int) -> Rejected:
    """What a renderer's exit status says: negative is the signal that ended it."""
    if status in (-signal.SIGXCPU, -signal.SIGALRM):
        return RenderTimeout(f"ended by {signal.Signals(-status).name}")
    if status == -signal.SIGKILL:
        return RenderOutOfMemory("ended by SIGKILL, as the system does when memory is exhausted")
    if status < 0:
        return RenderCrash(f"ended by {signal.Signals(-status).name}")
    return RenderCrash(f"ended with status {status}")


def _asked(name: str, answer: Mapping[str, Any]) -> dict[str, Any]:
    """What was asked for; or raise what was answered instead."""
    if "rejected" in answer:
        raise REJECTIONS.get(answer["rejected"], CorruptImage)(answer["text"])
    if "memory" in answer:
        raise RenderOutOfMemory(answer["text"] or "it does not fit in the memory it may have")
    if "bug" in answer:
        raise RenderBug(answer["bug"], answer["text"], answer["places"], answer["traceback"])
    asked: dict[str, Any] = answer[name]
    return asked


def _rendered(told: Mapping[str, Any], body: bytes) -> Rendered:
    variants, at = [], 0
    for each in told["variants"]:
        size = each.pop("bytes")
        variants.append(RenderedVariant(**each, data=body[at : at + size]))
        at += size
    return Rendered(Source(**told["source"]), tuple(variants), tuple(told["lost"]), told["milliseconds"])
