"""What every route handler uses: the settings, the stores, and what follows from both, such as the caller's name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from api.erasures import ErasureRequests
from api.files import UploadLimits
from api.http import Problem, Request
from api.ids import key_of
from api.objects import Objects
from api.owners import Owners
from api.settings import ApiSettings
from api.versions import Versions
from processing.recipe import Recipe

MAX_DIRECT_BYTES: Final = 4_500_000  # Lambda's limit for a request, and for a response, is 6 MB: base64, headers
CREDENTIALS: Final = {
    "key": "Send a valid API key in the x-api-key header.",
    "iam": "Sign the request with AWS Signature Version 4 for execute-api.",
    "sub": "Send a valid token in the Authorization header.",
}


@dataclass(frozen=True, slots=True)
class Service:
    """The API of one stage.

    Args:
        files: the page's files, by their paths in web/.
        erasures: None where the stage erases no images.
        description: the OpenAPI document.
        clock: seconds since the epoch.
        random: returns 80 random bits, cryptographically strong.
    """

    settings: ApiSettings
    limits: UploadLimits
    recipe: Recipe
    owners: Owners
    versions: Versions
    objects: Objects
    erasures: ErasureRequests | None
    files: Mapping[str, str]
    description: Mapping[str, Any]
    clock: Callable[[], float]
    random: Callable[[], int]

    @property
    def max_direct_bytes(self) -> int:
        """The limit for a file in the body of a request."""
        return min(MAX_DIRECT_BYTES, self.limits.max_bytes)

    def caller(self, request: Request) -> str:
        """The caller's name; callers of different kinds never share one.

        API Gateway has already refused unauthenticated requests; this is a second check.

        Raises:
            Problem: 403, the request has no identity.
        """
        match self.settings.authorizer:
            case "api-key":
                kind, name = "key", request.key_id
            case "iam":  # of a role: its id, which all users share, a colon, the session's name
                kind, name = "iam", request.principal
            case _:
                kind, name = "sub", request.subject
        if not name:
            raise Problem(403, CREDENTIALS[kind])
        return f"{kind}/{name}"

    def is_operator(self, request: Request) -> bool:
        """Whether the caller sees every image, and not only the images that it sent."""
        match self.settings.authorizer:
            case "api-key":
                names = [request.key_id]
            case "iam":  # the id of the user or of the role: nobody can choose it, unlike a session's name
                names = [(request.principal or "").partition(":")[0]]
            case _:
                names = [*request.groups]
        return not self.settings.operators.isdisjoint(names)

    def key(self, image_id: str) -> str:
        """The key of an image's object.

        Raises:
            ValueError: this is no id.
        """
        return key_of(image_id, prefix=self.settings.uploads_prefix)


def location_of(request: Request, image_id: str) -> str:
    """The path of an image, for a client of this request's stage."""
    return f"{request.base}/images/{image_id}"
