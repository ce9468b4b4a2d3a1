"""What the erasure of an image requests, as `tests/erasure/test_requests.py` counts it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ErasureCounts:
    """Of one image that nobody works on, in an uploads bucket without Object Lock.

    Args:
        lists: listings of versions and of unfinished uploads.
        gets: the two questions for Object Lock.
        deletes: of originals and variants; S3 charges none.
        writes: of intent, receipt, owner and record, deletions among them, the intent's first by the API.
        reads: requests that read the table.
    """

    lists: int
    gets: int
    deletes: int
    writes: int
    reads: int

    @property
    def requests(self) -> int:
        """All of them."""
        return self.lists + self.gets + self.deletes + self.writes + self.reads


def erased(variants: int) -> ErasureCounts:
    """A JPEG with this many variants, each in a folder of its own: looked for twice, under five names in each."""
    return ErasureCounts(lists=10 * variants + 5, gets=2, deletes=variants + 1, writes=9, reads=8)
