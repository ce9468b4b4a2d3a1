"""The child processes: a keeper that has the engine loaded and forks, and the renderer that does the work.

Run as ``python -m processing.sandbox.fork_server`` with the descriptors of its end of the channel. It is a new
interpreter, not a fork of the consumer: so it has neither its credentials nor its threads, in its environment or
anywhere in its memory. It has one renderer at a time, and each has a channel of its own, which the consumer makes::

    consumer                                                        keeper                    renderer 7
      {"start": 7} + the end of a new channel ────────────────────►   ends and reaps renderer 6
                                                                      forks ────────────────────►
      ◄──────────────── {"started": 7, "ended": 6's exit status}
                                            on the new channel:
      {"number": 12, "image": digest, "is_admitted": false, "seconds": 15} + the image ─────────►
      ◄─────────────────────────────────────────── {"number": 12, "image": digest, "estimate": 300}
      {"number": 13, "image": digest, "is_admitted": true, "seconds": 15, "megabytes": 300} ────►
      ◄──────────────────────────── {"number": 13, "image": digest, "rendered": {...}} + bytes

An answer repeats the question's number, with the digest of the bytes that the renderer holds; anything else is not
used, and ends renderer and keeper. A renderer never reads another's questions, and nobody reads its answers after it:

    it ended before it read the question     the system says so; the question goes to renderer 8, and blames no image
    it ended before it answered              {"start": 8} is answered with how: that is the image's doing
    it did not answer in time                {"start": 8} ends it
    it has grown                             its last answer says so, and {"start": 8} follows
    the keeper ended                         the system ends the renderer with it; nobody's fault but the environment's
"""

import ctypes
import gc
import math
import os
import pickle
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, NoReturn

from processing import imaging
from processing.errors import Rejected
from processing.fingerprint import places_of
from processing.imaging import Rendered
from processing.imaging.render import memory_estimate
from processing.imaging.resize import simd_is_sound
from processing.recipe import Recipe
from processing.sandbox.channel import Channel, Gone
from processing.sandbox.questions import digest

Render = Callable[[bytes, Recipe, list[str] | None], Rendered]

MEGABYTE = 1 << 20
ORPHAN_SECONDS = 5.0  # the time a renderer has, beyond the consumer's deadline, when the consumer has ended
LONGEST_TEXT = 8000
PR_SET_PDEATHSIG = 1


def main(render: Render = imaging.render, channel: type[Channel] = Channel) -> None:
    """Keep a renderer at the other end of a channel, until the consumer has ended."""
    orders = channel.from_descriptors(*map(int, sys.argv[1:]))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    keeper, renderer = os.getpid(), None
    try:
        settings, body = orders.receive()
        recipe: Recipe = pickle.loads(body)  # noqa: S301 - it comes from the consumer
        simd_is_sound()
        gc.freeze()  # or the first collection in each renderer copies every page
        while True:
            order, line = orders.receive_channel()
            ended = None if renderer is None else _end(renderer)
            renderer = os.fork()
            if renderer == 0:
                orders.close()
                _live(keeper, line, recipe, render, settings["kept"])
            line.close()  # or its end would not be seen at the other end
            orders.send({"started": order["start"], "ended": ended})
    except Gone:
        return


def _end(renderer: int) -> int:
    """End a renderer, if it has not ended by itself; its exit status, a signal as a negative number.

    One that is ending keeps the status it ends with, whatever signal comes now.
    """
    os.kill(renderer, signal.SIGKILL)
    _, status = os.waitpid(renderer, 0)
    return os.waitstatus_to_exitcode(status)


def _live(keeper: int, line: Channel, recipe: Recipe, render: Render, kept: float) -> NoReturn:
    """A renderer's whole life; it never returns into the keeper's."""
    status = 1
    try:
        _end_with(keeper)
        _work(line, recipe, render, kept)
        status = 0
    except Gone:
        status = 0
    except BaseException:  # noqa: BLE001 - whatever it is, this process must not go on as a second keeper
        traceback.print_exc()
    os._exit(status)


def _end_with(keeper: int) -> None:
    """Have the system end this process when its keeper ends, so that no renderer is left which nobody can end."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL) != 0:
        raise OSError(ctypes.get_errno(), "prctl")
    if os.getppid() != keeper:  # it ended before that
        raise Gone


def _work(line: Channel, recipe: Recipe, render: Render, kept: float) -> None:
    """Answer one question after the other, until more than ``kept`` megabytes are kept from the images, so that a fresh
    renderer takes over."""
    base = _address_space()
    data, held, is_last = b"", "", False
    while not is_last:
        question, body = line.receive()
        if question["sends_image"]:
            data, held = body, digest(body)
        answer, parts = _answer(question, data, recipe, render)
        is_last = _address_space() - base > kept * MEGABYTE
        line.send({"number": question["number"], "image": held, "is_last": is_last, **answer}, parts)


def _answer(
    question: dict[str, Any], data: bytes, recipe: Recipe, render: Render
) -> tuple[dict[str, Any], Sequence[bytes]]:
    start = time.perf_counter()
    try:
        with _limits(question["seconds"], question.get("megabytes", math.inf)):
            if not question["is_admitted"]:
                return {"estimate": memory_estimate(imaging.inspect(data, recipe.limits), recipe)}, ()
            made = render(data, recipe, question["only"])
    except Exception as error:  # noqa: BLE001 - it is sent to the consumer, which raises it
        return _described(error), ()
    milliseconds = round((time.perf_counter() - start) * 1000)
    return {"rendered": _plain(made) | {"milliseconds": milliseconds}}, [variant.data for variant in made.variants]


@contextmanager
def _limits(seconds: float, megabytes: float) -> Iterator[None]:
    """Let the kernel end this process after so much CPU or time, and refuse it more memory than it has and may take.

    The consumer keeps its own, shorter deadline: these hold when it has ended.
    """
    used = resource.getrusage(resource.RUSAGE_SELF)
    _set_soft(resource.RLIMIT_CPU, used.ru_utime + used.ru_stime + seconds + 1)
    _set_soft(resource.RLIMIT_AS, _address_space() + megabytes * MEGABYTE)
    signal.setitimer(signal.ITIMER_REAL, seconds + ORPHAN_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        _set_soft(resource.RLIMIT_AS, math.inf)
        _set_soft(resource.RLIMIT_CPU, math.inf)


def _set_soft(kind: int, value: float) -> None:
    _, hard = resource.getrlimit(kind)
    soft = hard if value == math.inf else math.ceil(value)
    resource.setrlimit(kind, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard))


def _address_space() -> int:
    """Bytes of it that this process has, which is what RLIMIT_AS counts."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()


def _plain(rendered: Rendered) -> dict[str, Any]:
    variants = [
        {
            "name": made.name,
            "format": made.format,
            "content_type": made.content_type,
            "width": made.width,
            "height": made.height,
            "bytes": len(made.data),
        }
        for made in rendered.variants
    ]
    return {"source": asdict(rendered.source), "variants": variants, "lost": rendered.lost}


def _described(error: Exception) -> dict[str, Any]:
    """A failure, so that the consumer can raise it: by its name, and where in the code a bug is."""
    text = str(error)[:LONGEST_TEXT]
    if isinstance(error, MemoryError) or isinstance(error.__cause__, MemoryError):
        return {"memory": True, "text": text}
    if isinstance(error, Rejected):
        return {"rejected": error.cause, "text": text}
    return {
        "bug": type(error).__name__,
        "text": text,
        "places": places_of(error),
        "traceback": "".join(traceback.format_exception(error))[-LONGEST_TEXT:],
    }


if __name__ == "__main__":
    main()
