"""Moving pictures: how long each frame stays, how often they run, and which of their frames play."""

from typing import Any, Final

ANIMATED: Final = ("gif", "webp", "png", "avif")  # the formats that can move, in as well as out


def timing(image: Any) -> int:
    """How long the frame that was just loaded stays, in milliseconds."""
    duration = image.info.get("duration", 0)
    return round(duration) if isinstance(duration, int | float) and duration > 0 else 0


def plays(image: Any) -> int:
    """How often an animation runs, 0 for ever.

    A GIF without a count runs once, one with a count of n runs n + 1 times; in other formats n is what it says.
    """
    count = image.info.get("loop")
    if image.format == "GIF":
        return 1 if count is None else count + 1 if count else 0
    return count or 0


def frame_numbers(image: Any, frames: int) -> range:
    """The frames that play: an animated PNG can have a picture in front that is for viewers that cannot play it."""
    return range(1 if frames > 1 and getattr(image, "default_image", False) else 0, frames)
