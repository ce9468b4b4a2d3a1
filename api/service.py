"""What every story has at hand: the ports, the settings, and the few things that are made of both."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from api.callers import caller_of
from api.http import Request
from api.ids import key_of
from api.objects import Objects
from api.owners import Owners
from api.schemas import Accepted
from api.settings import ApiSettings
from api.versions import Versions

MOST_DIRECT_BYTES = 4_500_000  # Lambda takes 6 MB of request, in which a body is base 64, and headers have to fit


@dataclass(frozen=True, slots=True)
class Service:
    """The API of one stage.

    Args:
        variants: the names of the recipe's variants.
        files: of the page, by their paths in web/.
        description: the OpenAPI document.
        clock: seconds since the epoch.
        random: a number of 80 random bits that nobody can guess.
    """

    settings: ApiSettings
    accepted: Accepted
    variants: Sequence[str]
    register: Owners
    versions: Versions
    objects: Objects
    files: Mapping[str, str]
    description: Mapping[str, Any]
    clock: Callable[[], float]
    random: Callable[[], int]

    @property
    def max_direct_bytes(self) -> int:
        """Of a body that comes with its request."""
        return min(MOST_DIRECT_BYTES, self.accepted.max_bytes)

    def caller(self, request: Request) -> str:
        """Who asks.

        Raises:
            Problem: 403.
        """
        return caller_of(request, self.settings.authorizer)

    def key(self, image_id: str) -> str:
        """The key of an image's object."""
        return key_of(image_id, prefix=self.settings.uploads_prefix)


def location_of(request: Request, image_id: str) -> str:
    """An image's path, as the one who asks can use it."""
    return f"{request.base}/images/{image_id}"
