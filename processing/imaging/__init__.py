"""The pixel work: bytes in, every variant of a recipe out. No AWS, no state between images, safe to call from threads.

In reading order::

    render      one image: open, plan, take the steps to each variant, encode
    steps       the ordered lists of named steps, Image -> Image: the pixel work itself
    formats     the format of the bytes, by their content alone; what must be known before Pillow opens them; animation
    original    the header, checked against the limits; only then the pixels
    whole       JPEG, read: only with all its pixels; its headers are read in `segments`
    png_reader  PNG, read: without broken metadata and frames; its chunks are read in `chunks` and `apng`
    gif_reader  GIF, read: the frames that it stores; `webp_reader` and `avif`: what Pillow does not read of these
    motion      the frames of an animation, laid over each other as browsers do; their times are written in `timing`
    tiff_reader TIFF, read: what Pillow takes for something else; `bmp_reader` does the same for BMP
    boxes       the properties of the picture that an AVIF or HEIC shows
    unsupported whether a file that could not be read is damaged, or of a kind that is not decoded here
    resize      Lanczos, by SIMD where it agrees with Pillow
    pixels      any mode of Pillow's to the four that the engine works in, and upright
    color       any color space to sRGB, by the profile or by the numbers that a file has; HDR toned down
    watermark   texts and logos, drawn once for each size
    exif        orientation, the time the picture was taken, the copyright notice
    reel        the frames of an animation, packed until each is encoded
    losses      properties of an original that no variant can keep
    gainmap     the HDR gain map of a JPEG, kept in step with each variant
    encode      pixels to a file's bytes; `palette` finds fewer bits a pixel for a PNG, `gif` what changes in each frame
    budget      how many bytes a variant may have; `coded` copies the original's picture alone, `savings` encodes again
"""

from processing.imaging.original import inspect
from processing.imaging.render import render
from processing.picture import Header, Preview, Rendered, RenderedVariant, Source

__all__ = ["Header", "Preview", "Rendered", "RenderedVariant", "Source", "inspect", "render"]
