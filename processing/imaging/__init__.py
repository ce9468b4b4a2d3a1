"""The pixel work: bytes in, every variant of a recipe out. No AWS, no state between images, safe to call from threads.

In reading order::

    render      the whole way of one image: open, plan, step by step to each variant, encode
    steps       the ordered lists of named steps, Image -> Image: the pixel work itself
    formats     which format the bytes are in, by their content alone
    scan        what must be known of a file before Pillow opens it
    original    the header, checked against the limits; then, and only then, the pixels
    geometry    sizes and boxes: what fits where, and which variant is made from which           pure
    resize      Lanczos, by SIMD where it agrees with Pillow
    colour      any colour space to sRGB; `profiles` makes a profile where a file tells its own in numbers
    watermark   texts and logos, drawn once for each size
    exif        orientation, the time it was taken, the copyright notice
    animation   timing, loops, and which frames play
    losses      what an original has that no variant can keep
    encode      pixels to a file's bytes; `png` is written here, `gif` gets its palettes here
"""

from processing.imaging.original import inspect
from processing.imaging.render import render
from processing.picture import Header, Rendered, RenderedVariant, Source

__all__ = ["Header", "Rendered", "RenderedVariant", "Source", "inspect", "render"]
