"""Decode and render in child processes, so that an image that hangs, crashes or uses too much memory harms only itself.

::

    consumer ──┬── a socket ───────────── fork server   a new interpreter with the engine loaded; forks a renderer
               └── a socket and two files ── renderer   renders one image after the other, within limits

In reading order::

    renderers     the interface: sends an image to a free renderer, within memory and time; retries once, alone
    renderer      one child after the other: numbered questions, their answers, deadlines, exit statuses
    processes     starts children through the fork server; channels: a line of JSON, and bytes in a memory file
    fork_server   the child processes: the loop that forks, and the loop that renders; shows the protocol
    start         has the first child render a picture of one pixel, and names the reason if it cannot
    in_process    renders in the consumer itself, one image at a time, where no child can be started
    capacity      what fits into a function; budgets of memory and time that threads share
"""

from processing.sandbox.capacity import FetchBudget, MemoryBudget
from processing.sandbox.processes import Children
from processing.sandbox.renderer import Image, Renderer
from processing.sandbox.renderers import Renderers

__all__ = ["Children", "FetchBudget", "Image", "MemoryBudget", "Renderer", "Renderers"]
