"""What images request of S3 and DynamoDB, as `tests/handlers/test_requests.py` counts it for one image.

``units``: the write units of a finished item, see `item_size`. A claim of a version that has none takes one.
"""

from dataclasses import astuple, dataclass


@dataclass(frozen=True, slots=True)
class Requests:
    """Of one image, or of many.

    Args:
        puts: of variants, answered with success.
        refused: PUTs of variants beside them that find another version there. S3 charges them like the others.
        heads: of variants and of originals.
        writes: write units of the images table: one for each KB, begun or full, of an item that is written.
    """

    gets: float = 0
    puts: float = 0
    refused: float = 0
    heads: float = 0
    writes: float = 0

    def __add__(self, other: "Requests") -> "Requests":
        return Requests(*(mine + its for mine, its in zip(astuple(self), astuple(other), strict=True)))

    def __mul__(self, images: float) -> "Requests":
        return Requests(*(images * each for each in astuple(self)))


def first_upload(variants: int, *, units: int = 1) -> Requests:
    """An image whose key is new."""
    return Requests(gets=1, puts=variants, heads=1, writes=1 + units)


def overwrite(variants: int, *, units: int = 1) -> Requests:
    """Another version under a key that has variants: each PUT is refused once, then sent over what a HEAD shows."""
    return Requests(gets=1, puts=variants, refused=variants, heads=2 * variants + 1, writes=1 + units)


def repeated(variants: int, *, units: int = 1) -> Requests:
    """A version that is done with every variant of the recipe: the refused claim is charged by the item's size."""
    return Requests(heads=variants, writes=units)


def rebuilt(variants: int, *, known: int, done: bool, units: int = 1) -> Requests:
    """A version that was processed before.

    Args:
        variants: to make.
        known: variants that the record has.
        done: whether the record is DONE, which costs a refused claim.
    """
    claims = 2 * units if done else units if known else 1
    return Requests(gets=1, puts=variants, heads=known + 1, writes=claims + units)


def removed(variants: int) -> Requests:
    """A removal: the object is looked for before and after its variants are; deleting costs nothing."""
    return Requests(heads=variants + 2, writes=2)
