"""Who asks: the name under which a caller's images are kept, by the way callers are told apart."""

from typing import Final

from api.http import Problem, Request

AUTHORIZERS: Final = ("api-key", "iam", "jwt")


def caller_of(request: Request, authorizer: str) -> str:
    """The caller's name; callers of different kinds never share one.

    API Gateway has refused all others before; this is the second lock.

    Raises:
        Problem: 403, nobody can be told.
    """
    match authorizer:
        case "api-key":
            kind, name = "key", request.key_id
        case "iam":  # a role's is its id and, behind a colon, the session's name: people of one role share only the id
            kind, name = "iam", request.principal
        case _:
            kind, name = "sub", request.subject
    if not name:
        raise Problem(403, "Say who you are: " + HOW[kind])
    return f"{kind}/{name}"


HOW: Final = {
    "key": "give a valid API key in the header x-api-key.",
    "iam": "sign the request with AWS Signature Version 4 for execute-api.",
    "sub": "give a valid token in the header Authorization.",
}
