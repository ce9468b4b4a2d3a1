"""The child processes: a fork server that has the engine loaded, and its child, the renderer, which renders images.

Run as ``python -m processing.sandbox.fork_server`` with the descriptors of its end of the channel. It is a new
interpreter, not a fork of the consumer: so it has neither the consumer's credentials, in its environment or in its
memory, nor its threads. It has one renderer at a time, and each has a channel of its own, which the consumer makes::

    consumer                                                        fork server               renderer 7
      {"start": 7} + the end of a new channel ────────────────────►   ends and reaps renderer 6
                                                                      forks ────────────────────►
      ◄──────────────── {"started": 7, "ended": 6's exit status}          or {"refused": errno}, and it ends
                                            on the new channel:
      {"number": 12, "image": digest, "is_admitted": false, "seconds": 15} + the image ─────────►
      ◄──────────────────────────────────────── {"number": 12, "image": digest, "estimate": 300}
      {"number": 13, "image": digest, "is_admitted": true, "seconds": 15, "megabytes": 300} ────►
      ◄──────────────────────────── {"number": 13, "image": digest, "rendered": {...}} + bytes

An answer repeats the question's number, with the digest of the bytes that the renderer has; anything else is not
used, and ends both processes. No renderer reads another's questions, and its answers are not read after its end:

    it ended before it read the question     the kernel reports it; renderer 8 gets the question, no image is at fault
    it ended before it answered              {"start": 8} is answered with its exit status: the image is at fault
    it did not answer in time                {"start": 8} ends it
    its memory has grown                     its last answer says so, and {"start": 8} follows
    the fork server ended                    the kernel ends the renderer with it; no image is at fault
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
from processing.fingerprint import frames_of
from processing.imaging import Rendered
from processing.imaging.resize import simd_is_sound
from processing.memory import memory_estimate
from processing.recipe import Recipe
from processing.sandbox.processes import Channel, ChannelClosed, digest

Render = Callable[[bytes, Recipe, list[str] | None], Rendered]

MEGABYTE = 1 << 20
ORPHAN_SECONDS = 5.0  # the time a renderer has, beyond the consumer's deadline, when the consumer has ended
MAX_TEXT = 8000
PR_SET_PDEATHSIG = 1


def main(render: Render = imaging.render, channel: type[Channel] = Channel) -> None:
    """Start renderers as the consumer requests them, until the consumer has ended."""
    control = channel.from_descriptors(*map(int, sys.argv[1:]))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    fork_server, renderer = os.getpid(), None
    try:
        settings, body = control.receive()
        recipe: Recipe = pickle.loads(body)  # noqa: S301 - it comes from the consumer
        simd_is_sound()
        gc.freeze()  # or the first collection in each renderer copies every page
        while True:
            request, renderer_end = control.receive_channel()
            ended = None if renderer is None else _end(renderer)
            renderer = _fork(control)
            if renderer == 0:
                control.close()
                _run_renderer(fork_server, renderer_end, recipe, render, settings["kept"])
            renderer_end.close()  # or the consumer would not notice when the renderer ends
            control.send({"started": request["start"], "ended": ended})
    except ChannelClosed:
        return


def _fork(control: Channel) -> int:
    """Fork, or report why the system does not allow it."""
    try:
        return os.fork()
    except OSError as error:
        control.send({"refused": error.errno})
        raise


def _end(renderer: int) -> int:
    """End a renderer, if it has not ended by itself; its exit status, a signal as a negative number.

    A renderer that is already ending keeps its own status.
    """
    os.kill(renderer, signal.SIGKILL)
    _, status = os.waitpid(renderer, 0)
    return os.waitstatus_to_exitcode(status)


def _run_renderer(fork_server: int, channel: Channel, recipe: Recipe, render: Render, kept: float) -> NoReturn:
    """Run a renderer until it ends; never returns into the fork server's code."""
    status = 1
    try:
        _end_with_parent(fork_server)
        _answer_questions(channel, recipe, render, kept)
        status = 0
    except ChannelClosed:
        status = 0
    except BaseException:  # noqa: BLE001 - this process must never continue as a second fork server
        traceback.print_exc()
    os._exit(status)


def _end_with_parent(fork_server: int) -> None:
    """Have the kernel end this process when the fork server ends, so that no orphaned renderer is left."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL) != 0:
        raise OSError(ctypes.get_errno(), "prctl")
    if os.getppid() != fork_server:  # it ended before that
        raise ChannelClosed


def _answer_questions(channel: Channel, recipe: Recipe, render: Render, kept: float) -> None:
    """Answer one question after the other, until this process has grown by more than ``kept`` megabytes."""
    base = _address_space()
    data, image, is_last = b"", "", False
    while not is_last:
        question, body = channel.receive()
        if question["sends_image"]:
            data, image = body, digest(body)
        answer, parts = _answer(question, data, recipe, render)
        is_last = _address_space() - base > kept * MEGABYTE
        channel.send({"number": question["number"], "image": image, "is_last": is_last, **answer}, parts)


def _answer(
    question: dict[str, Any], data: bytes, recipe: Recipe, render: Render
) -> tuple[dict[str, Any], Sequence[bytes]]:
    start = time.perf_counter()
    recipe = recipe.in_jpeg() if question["in_jpeg"] else recipe
    try:
        with _limits(question["seconds"], question.get("megabytes", math.inf)):
            if not question["is_admitted"]:
                return {"estimate": memory_estimate(imaging.inspect(data, recipe.limits), recipe)}, ()
            made = render(data, recipe, question["only"])
    except Exception as error:  # noqa: BLE001 - it is sent to the consumer, which raises it
        return _failure_message(error), ()
    milliseconds = round((time.perf_counter() - start) * 1000)
    message = _rendered_message(made) | {"milliseconds": milliseconds}
    return {"rendered": message}, [variant.data for variant in made.variants]


@contextmanager
def _limits(seconds: float, megabytes: float) -> Iterator[None]:
    """Limit the CPU, the time and the memory of this process by the kernel.

    The consumer has its own, shorter deadline: these limits matter when the consumer has ended.
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
    """The size of this process's address space in bytes, which RLIMIT_AS limits."""
    return int(Path("/proc/self/statm").read_bytes().split()[0]) * resource.getpagesize()


def _rendered_message(rendered: Rendered) -> dict[str, Any]:
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
    return {
        "source": asdict(rendered.source),
        "variants": variants,
        "lost": rendered.lost,
        "preview": asdict(rendered.preview),
    }


def _failure_message(error: Exception) -> dict[str, Any]:
    """A failure as a message, from which the consumer raises it; a bug with its frames."""
    text = str(error)[:MAX_TEXT]
    if isinstance(error, MemoryError) or isinstance(error.__cause__, MemoryError):
        return {"memory": True, "text": text}
    if isinstance(error, Rejected):
        return {"rejected": error.cause, "text": text}
    return {
        "bug": type(error).__name__,
        "text": text,
        "frames": frames_of(error),
        "traceback": "".join(traceback.format_exception(error))[-MAX_TEXT:],
    }


if __name__ == "__main__":
    main()
