"""How S3 refuses: the error tree's one class, and the answers that several checks share."""

from http import HTTPStatus
from xml.sax.saxutils import escape

Answer = tuple[int, dict[str, str], str]


class RefusedError(Exception):
    """S3 does not take the request; ``details`` are further elements of its answer."""

    def __init__(self, status: HTTPStatus, code: str, message: str, **details: object) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.details = details

    def answer(self) -> Answer:
        """What S3 sends."""
        elements = {"Code": self.code, "Message": str(self), **self.details}
        content = "".join(f"<{name}>{escape(str(value))}</{name}>" for name, value in elements.items())
        xml = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error>{content}</Error>'
        return self.status, {"content-type": "application/xml"}, xml


def access_denied(message: str = "Access Denied") -> RefusedError:
    """To somebody who may not do this, or whom S3 does not know."""
    return RefusedError(HTTPStatus.FORBIDDEN, "AccessDenied", message)


def unknown_access_key(access_key: str) -> RefusedError:
    """To an access key that S3 has never given."""
    return RefusedError(
        HTTPStatus.FORBIDDEN,
        "InvalidAccessKeyId",
        "The AWS Access Key Id you provided does not exist in our records.",
        AWSAccessKeyId=access_key,
    )


def signature_differs() -> RefusedError:
    """To a signature that was made with another secret, or for another request."""
    return RefusedError(
        HTTPStatus.FORBIDDEN,
        "SignatureDoesNotMatch",
        "The request signature we calculated does not match the signature you provided. "
        "Check your key and signing method.",
    )


def unsupported_signature() -> RefusedError:
    """To a signature of version 2."""
    return RefusedError(
        HTTPStatus.BAD_REQUEST,
        "InvalidRequest",
        "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.",
    )
