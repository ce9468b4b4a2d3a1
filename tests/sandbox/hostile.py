"""A keeper whose engine does what the end of a file says: a decoder with a hole in it, as no image in hand has one.

Run as the keeper is.
"""

import ctypes
import os
import signal
import sys
import time
from pathlib import Path

from processing import imaging
from processing.imaging import Rendered
from processing.recipe import Recipe
from processing.sandbox.fork_server import main


def render(data: bytes, recipe: Recipe, only: list[str] | None) -> Rendered:
    picture, _, spell = data.partition(b"%%")
    name, _, argument = spell.decode().partition(" ")
    if name:
        SPELLS[name](argument)
    return imaging.render(picture, recipe, only)


def hang(_: str) -> None:
    time.sleep(3600)


def loop(_: str) -> None:
    while True:
        pass


def loop_without_alarm(_: str) -> None:
    signal.setitimer(signal.ITIMER_REAL, 0)  # on a busy machine it could ring before the CPU time is used up
    loop("")


def crash(_: str) -> None:
    ctypes.string_at(0)


def crash_once(path: str) -> None:
    if not Path(path).exists():
        Path(path).touch()
        crash("")


def leave(_: str) -> None:
    os._exit(3)


def swell(megabytes: str) -> None:
    bytearray(int(megabytes) << 20)


def grow(megabytes: str) -> None:
    KEPT.append(bytearray(int(megabytes) << 20))


def be_killed(_: str) -> None:
    os.kill(os.getpid(), 9)


def note_paths(file: str) -> None:
    Path(file).write_text("\n".join(sys.path))


def pry(file: str) -> None:
    """Look for the secrets of the consumer, which is the keeper's parent."""
    consumer = Path(f"/proc/{os.getppid()}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[1]
    Path(file).write_text("".join(f"{name} " for name in ("environ", "mem", "maps") if opens(consumer, name)))


def opens(pid: str, name: str) -> bool:
    try:
        os.close(os.open(f"/proc/{pid}/{name}", os.O_RDONLY))
    except PermissionError:
        return False
    return True


def stumble(_: str) -> None:
    raise ZeroDivisionError("division by zero")


KEPT: list[bytearray] = []
SPELLS = {
    each.__name__: each
    for each in (
        hang,
        loop,
        loop_without_alarm,
        crash,
        crash_once,
        leave,
        swell,
        grow,
        be_killed,
        note_paths,
        pry,
        stumble,
    )
}


if __name__ == "__main__":
    main(render)
