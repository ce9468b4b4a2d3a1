"""Decode and render in child processes, so that an image that hangs, crashes or swells harms only itself.

::

    consumer ── socket ──┬── keeper     a new interpreter with the engine loaded; forks a renderer when there is none
     (credentials)       └── renderer   works on one image after the other, within limits

In reading order::

    renderers   the interface: an image to a free renderer, within memory and time, and a second try alone
    renderer    one keeper and its renderer, as the consumer sees them
    keeper      the child processes: the loop that forks, and the loop that renders
    channel     what goes between: a line of JSON and bytes in a memory file, never a pickle from a renderer
    room        memory shared by threads: who asks for more than is left waits
    bodies      the memory of what was fetched, before and while it is rendered
"""

from processing.contained.bodies import Bodies
from processing.contained.renderer import Renderer
from processing.contained.renderers import Renderers
from processing.contained.room import Room

__all__ = ["Bodies", "Renderer", "Renderers", "Room"]
