"""HDR gain maps of JPEGs: a second, small picture that says how much brighter each part may be on an HDR screen.

In reading order::

    model       a map and its numbers; the level that changes nothing
    reading     finds it in an original: Ultra HDR, ISO 21496-1, both kinds of iPhones; nothing is decoded yet
    layout      the map of one variant: turned, cropped, scaled, padded and marked with it
    writing     a variant and its map in one file, which readers of Ultra HDR and of ISO 21496-1 understand
"""

from processing.imaging.gainmap.layout import laid_out
from processing.imaging.gainmap.model import GainMap
from processing.imaging.gainmap.reading import decoded, find
from processing.imaging.gainmap.writing import joined

__all__ = ["GainMap", "decoded", "find", "joined", "laid_out"]
