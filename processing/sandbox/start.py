"""The start of the sandbox: children are started, and the first renders a picture of one pixel before the first image.

Only here can a failure mean that the environment allows no child processes. After a child has rendered, a failure is
an image's or the child's own, and is retried in the sandbox.
"""

import base64
import signal
from collections.abc import Callable
from typing import Final

from processing.errors import Rejected, RenderBug, RenderCrash, RenderOutOfMemory, RenderTimeout, SandboxUnavailable
from processing.sandbox.children import ForkServerEnded
from processing.sandbox.questions import Image
from processing.sandbox.renderer import STARTUP_SECONDS, Renderer

PIXEL: Final = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg=="
)  # a PNG of one grey pixel


def start_renderers(make: Callable[[], Renderer], number: int) -> tuple[Renderer, ...]:
    """Start so many renderers, without waiting for their children.

    Raises:
        SandboxUnavailable: the system refuses a process, a socket or a memory file.
    """
    renderers: list[Renderer] = []
    try:
        for _ in range(number):
            renderers.append(make())  # noqa: PERF401 - those made before a failure are closed
    except (OSError, AttributeError) as error:  # AttributeError: a libc without memfd_create
        for renderer in renderers:
            renderer.close()
        number_of = error.errno if isinstance(error, OSError) else None
        raise SandboxUnavailable(f"no child process: {error}", number=number_of) from error
    return tuple(renderers)


def check_renderer(renderer: Renderer) -> None:
    """Wait for the first child, and have it render a picture under its limits; nothing is encoded.

    Raises:
        SandboxUnavailable: it does not.
    """
    image = Image.of(PIXEL)
    try:
        megabytes = renderer.price(image, seconds=STARTUP_SECONDS)
        renderer.render(image, megabytes=megabytes, seconds=STARTUP_SECONDS, only=())
    except (RenderCrash, RenderOutOfMemory, RenderTimeout) as error:
        is_crash = not isinstance(error, RenderCrash) or error.signal not in (None, signal.SIGSYS)
        raise SandboxUnavailable(f"the first child: {error}", is_crash=is_crash) from error
    except Rejected:
        return  # it works; the recipe's limits are below one pixel
    except RenderBug as error:
        raise SandboxUnavailable(f"the first child cannot render: {error.kind}: {error}") from error
    except Exception as error:
        raise _unavailable(error) from error


def _unavailable(error: Exception) -> SandboxUnavailable:
    """What a failure to start the first child means; its cause is the last fork server's failure."""
    cause = error.__cause__ if isinstance(error.__cause__, Exception) else error
    if isinstance(cause, ForkServerEnded):
        is_crash = cause.status is not None and cause.status < 0 and cause.status != -signal.SIGSYS
        return SandboxUnavailable(f"no child process: {cause}", number=cause.number, is_crash=is_crash)
    number = cause.errno if isinstance(cause, OSError) else None
    return SandboxUnavailable(f"no child process: {type(cause).__name__}: {cause}", number=number)
