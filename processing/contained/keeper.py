"""The child processes: a keeper that has the engine loaded and forks, and the renderer that does the work.

Run as ``python -m processing.contained.keeper`` with the descriptors of its end of the channel. It is a new
interpreter, not a fork of the consumer: so it has neither its credentials nor its threads, in its environment or
anywhere in its memory. What it says::

    keeper                renderer                          consumer
      fork ───────────────► {"born": pid} ───────────────►
                                          ◄─────────────── {"admitted": false, "seconds": 15} + the image
                            {"price": {"megabytes": 300}} ►
                                          ◄─────────────── {"admitted": true, "seconds": 15, "megabytes": 300}
                            {"rendered": {...}} + bytes ─►
      {"died": status} ◄─── a signal, a limit, or (status 0) it leaves because it has grown
      fork ...              ◄───────────────────────────── SIGUSR1 to the keeper: end the renderer that is there
"""

import gc
import math
import os
import pickle
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, NoReturn

from processing import imaging
from processing.contained.channel import Channel, Gone
from processing.errors import Rejected
from processing.fingerprint import places_of
from processing.imaging import Rendered
from processing.imaging.price import megabytes as price
from processing.imaging.resize import simd_is_sound
from processing.recipe import Recipe

Render = Callable[[bytes, Recipe], Rendered]

MEGABYTE = 1 << 20
ORPHAN_SECONDS = 5.0  # the time a renderer has, beyond the consumer's deadline, when the consumer has ended
LONGEST_TEXT = 8000
SIGNALS = (signal.SIGCHLD, signal.SIGUSR1)


def main(render: Render = imaging.render) -> None:
    """Keep a renderer at the other end of the channel, until the consumer has ended."""
    end = Channel.from_descriptors(*map(int, sys.argv[1:]))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)  # they are waited for, so that none comes too early
    try:
        order, body = end.receive()
        recipe: Recipe = pickle.loads(body)  # noqa: S301 - it comes from the consumer
        simd_is_sound()
        gc.freeze()  # or the first collection in each renderer copies every page
        while True:
            renderer = os.fork()
            if renderer == 0:
                _live(end, recipe, render, order["kept"])
            end.send({"died": _watch(renderer)})
    except Gone:
        return


def _watch(renderer: int) -> int:
    """Wait for a renderer's end, or bring it about when the consumer says so; the exit status, a signal negative."""
    while True:
        if signal.sigwait(SIGNALS) == signal.SIGUSR1:
            os.kill(renderer, signal.SIGKILL)
        pid, status = os.waitpid(renderer, os.WNOHANG)
        if pid == renderer:
            return os.waitstatus_to_exitcode(status)


def _live(end: Channel, recipe: Recipe, render: Render, kept: float) -> NoReturn:
    """A renderer's whole life; it never returns into the keeper's."""
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    status = 1
    try:
        _work(end, recipe, render, kept)
        status = 0
    except Gone:
        status = 0
    except BaseException:  # noqa: BLE001 - whatever it is, this process must not go on as a second keeper
        traceback.print_exc()
    os._exit(status)


def _work(end: Channel, recipe: Recipe, render: Render, kept: float) -> None:
    """Render one image after the other, until more than ``kept`` megabytes are kept from them, so that a fresh renderer
    takes over; never between a price and its image."""
    base = _address_space()
    end.send({"born": os.getpid()})
    data, is_admitted = b"", False
    while not is_admitted or _address_space() - base <= kept * MEGABYTE:
        order, body = end.receive()
        is_admitted = order["admitted"]
        data = data if is_admitted else body
        start = time.perf_counter()
        try:
            with _limits(order["seconds"], order.get("megabytes", math.inf)):
                made = render(data, recipe) if is_admitted else price(imaging.inspect(data, recipe.limits), recipe)
        except Exception as error:  # noqa: BLE001 - it is told to the consumer, which raises it
            end.send(_told(error))
            continue
        if isinstance(made, Rendered):
            told = _plain(made) | {"milliseconds": round((time.perf_counter() - start) * 1000)}
            end.send({"rendered": told}, [variant.data for variant in made.variants])
        else:
            end.send({"price": {"megabytes": made}})


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


def _told(error: Exception) -> dict[str, Any]:
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
