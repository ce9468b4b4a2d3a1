"""The start of the sandbox: children are started, and the first renders a picture of one pixel before the first image.

Only here can a failure mean that the environment allows no child processes. After a child has rendered, a failure is
an image's or the child's own, and is retried in the sandbox.
"""

import base64
import ctypes
import signal
from collections.abc import Callable
from typing import Final

from processing.errors import Rejected, RenderBug, RenderCrash, RenderOutOfMemory, RenderTimeout, SandboxUnavailable
from processing.sandbox.processes import ChannelClosed
from processing.sandbox.renderer import STARTUP_SECONDS, Image, Renderer

PIXEL: Final = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg=="
)  # a PNG of one gray pixel
PR_SET_DUMPABLE: Final = 4


def start_renderers(make: Callable[[], Renderer], number: int) -> tuple[Renderer, ...]:
    """Start so many renderers, without waiting for their children.

    Raises:
        SandboxUnavailable: the system refuses a process, a socket, a memory file, or to hide this process from them.
    """
    renderers: list[Renderer] = []
    try:
        hide_from_children()
        for _ in range(number):
            renderers.append(make())  # noqa: PERF401 - those made before a failure are closed
    except (OSError, AttributeError) as error:  # AttributeError: a libc without memfd_create
        for renderer in renderers:
            renderer.close()
        number_of = error.errno if isinstance(error, OSError) else None
        raise SandboxUnavailable(f"no child process: {error}", number=number_of) from error
    return tuple(renderers)


def hide_from_children() -> None:
    """Have the kernel close this process's environment and memory, where its credentials are, to its children.

    They have the same user, who may otherwise read and write both by way of /proc, and attach a debugger
    (PR_SET_DUMPABLE in prctl(2)). A child is not hidden: it becomes another program.

    Raises:
        OSError: the system refuses it.
    """
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_DUMPABLE, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


def check_renderer(renderer: Renderer) -> None:
    """Wait for the first child, and have it render a picture under its limits; nothing is encoded.

    Raises:
        SandboxUnavailable: it does not.
    """
    image = Image.of(PIXEL)
    try:
        megabytes = renderer.estimate(image, seconds=STARTUP_SECONDS)
        renderer.render(image, megabytes=megabytes, seconds=STARTUP_SECONDS, only=())
    except (RenderCrash, RenderOutOfMemory, RenderTimeout) as error:
        is_crash = not isinstance(error, RenderCrash) or error.signal not in (None, signal.SIGSYS)
        raise SandboxUnavailable(f"the first child: {error}", is_crash=is_crash) from error
    except Rejected:
        return  # it works; the recipe's limits are below one pixel
    except RenderBug as error:
        raise SandboxUnavailable(f"the first child cannot render: {error.kind}: {error}") from error
    except Exception as error:
        raise _unavailable(error, renderer.children.last_status) from error


def _unavailable(error: Exception, status: int | None) -> SandboxUnavailable:
    """Why the first child did not start; ``status`` is the exit status of the last fork server."""
    cause = error.__cause__ or error
    if isinstance(cause, ChannelClosed) and status is not None:
        is_crash = status < 0 and status != -signal.SIGSYS
        return SandboxUnavailable(f"no child process: the fork server ended with status {status}", is_crash=is_crash)
    number = cause.errno if isinstance(cause, OSError) else None
    return SandboxUnavailable(f"no child process: {type(cause).__name__}: {cause}", number=number)
