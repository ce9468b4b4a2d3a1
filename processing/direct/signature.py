"""AWS Signature Version 4, for requests without a query.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import hashlib
import hmac
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

ALGORITHM: Final = "AWS4-HMAC-SHA256"
UNSIGNED: Final = frozenset({"user-agent", "x-amzn-trace-id"})  # whoever stands between may change them


@dataclass(frozen=True, slots=True)
class Credentials:
    """An access key; ``token`` comes with keys that expire, as those of a function's role do."""

    access_key: str
    secret_key: str = field(repr=False)
    token: str = field(default="", repr=False)


class Signer:
    """Signs the requests to one service in one region; threads may share it.

    Args:
        service: its name in signatures, such as ``s3``.
        clock: seconds since the epoch.
    """

    def __init__(self, credentials: Credentials, *, region: str, service: str, clock: Callable[[], float]) -> None:
        self._credentials = credentials
        self._scope = f"{region}/{service}/aws4_request"
        self._covers_body = service == "s3"  # which wants the body's digest in a header as well
        self._clock = clock
        self._key = ("", b"")  # of a day

    def sign(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> dict[str, str]:
        """The headers to send: those given, ``Host`` among them, with the signature over them, the path and the body.

        Args:
            path: as it is sent, in percent-encoding.
        """
        now = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(self._clock()))
        digest = hashlib.sha256(body).hexdigest()
        sent = {**headers, "X-Amz-Date": now}
        if self._covers_body:
            sent["X-Amz-Content-SHA256"] = digest
        if self._credentials.token:
            sent["X-Amz-Security-Token"] = self._credentials.token
        lines = sorted((name.lower(), " ".join(value.split())) for name, value in sent.items())
        lines = [(name, value) for name, value in lines if name not in UNSIGNED]
        names = ";".join(name for name, _ in lines)
        canonical = "\n".join([method, path, "", *map(":".join, lines), "", names, digest])
        scope = f"{now[:8]}/{self._scope}"
        text = "\n".join([ALGORITHM, now, scope, hashlib.sha256(canonical.encode()).hexdigest()])
        signature = _hmac(self._key_of(now[:8]), text).hex()
        credential = f"{self._credentials.access_key}/{scope}"
        sent["Authorization"] = f"{ALGORITHM} Credential={credential}, SignedHeaders={names}, Signature={signature}"
        return sent

    def _key_of(self, day: str) -> bytes:
        known, key = self._key
        if known != day:
            key = _hmac(f"AWS4{self._credentials.secret_key}".encode(), day)
            for part in self._scope.split("/"):
                key = _hmac(key, part)
            self._key = day, key
        return key


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")
