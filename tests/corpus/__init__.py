"""Pictures made in code, one of every kind that is uploaded, with secrets planted wherever a file can hold any.

In reading order: `samples` lists them; `pictures` are what they show, `metadata` and `profiles` what hides in them,
`files` writes what Pillow cannot.
"""

from tests.corpus.metadata import NOTICE, planted_in
from tests.corpus.pictures import CORNERS, SIZE, corners, scene
from tests.corpus.samples import ORIENTED, Sample, oriented, sample, samples

__all__ = [
    "CORNERS",
    "NOTICE",
    "ORIENTED",
    "SIZE",
    "Sample",
    "corners",
    "oriented",
    "planted_in",
    "sample",
    "samples",
    "scene",
]
