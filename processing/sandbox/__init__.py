"""Decode and render in child processes, so that an image that hangs, crashes or swells harms only itself.

::

    consumer ──┬── a socket ────────────────── keeper     a new interpreter with the engine loaded; forks a renderer
               └── a socket and two files ──── renderer   works on one image after the other, within limits

In reading order::

    renderers   the interface: an image to a free renderer, within memory and time, and a second try alone
    renderer    one child after the other: asked, ended at the deadline, replaced whenever in doubt
    questions   numbered questions about images, and the answers that belong to them
    children    starts children through a keeper
    start       the first child renders a picture of one pixel before the first image; why none can be had
    in_process  the engine in the consumer itself, one image at a time, where no child can be had
    keeper      the child processes: the loop that forks, and the loop that renders; the protocol is drawn there
    channel     what goes between: a line of JSON and bytes in a memory file, never a pickle from a renderer
    room        memory shared by threads, for pixels and for bodies: who asks for more than is left waits
"""

from processing.sandbox.children import Children
from processing.sandbox.memory_budget import FetchBudget, MemoryBudget
from processing.sandbox.questions import Image
from processing.sandbox.renderer import Renderer
from processing.sandbox.renderers import Renderers

__all__ = ["Children", "FetchBudget", "Image", "MemoryBudget", "Renderer", "Renderers"]
