"""Which clients an environment asks for: these, or boto3's where something unusual is configured."""

import re
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

from processing.direct import dynamodb, s3
from processing.direct.connections import Connections
from processing.direct.dynamodb import DynamoClient
from processing.direct.s3 import S3Client
from processing.direct.service import Service
from processing.direct.signature import Credentials, Signer

PARTITIONS: Final = (
    (re.compile(r"(af|ap|ca|eu|il|me|mx|sa|us)(-gov)?-[a-z]+-[0-9]+"), "amazonaws.com"),
    (re.compile(r"cn-[a-z]+-[0-9]+"), "amazonaws.com.cn"),
)
"""How the names of regions look, and where their endpoints are; a region that is not known here is boto3's."""
UNUSUAL: Final = ("AWS_PROFILE", "AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT", "HTTPS_PROXY", "HTTP_PROXY")
"""What only boto3 follows; proxies are named in small letters as well."""


@dataclass(frozen=True, slots=True)
class Clients:
    """What the store and the ledger speak to AWS with."""

    s3: Any
    dynamodb: Any


def direct_clients(
    environ: Mapping[str, str], *, certificates: str, connect_timeout: float, read_timeout: float
) -> Clients | None:
    """Clients for the region and the credentials of an environment; None when it asks for what only boto3 can do.

    Args:
        environ: usually ``os.environ``; the invocation's trace header is read from it with each request.
        certificates: the file of those to trust, where AWS_CA_BUNDLE names no other.
        connect_timeout, read_timeout: seconds, as in botocore's Config.
    """
    region = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION", "")
    key, secret = environ.get("AWS_ACCESS_KEY_ID"), environ.get("AWS_SECRET_ACCESS_KEY")
    objects, items = _endpoint("s3", region, environ), _endpoint("dynamodb", region, environ)
    if not key or not secret or objects is None or items is None or _is_unusual(environ):
        return None
    credentials = Credentials(key, secret, environ.get("AWS_SESSION_TOKEN", ""))
    trust = ssl.create_default_context(cafile=environ.get("AWS_CA_BUNDLE") or certificates)

    def service(name: str, scheme: str, explain: Callable[[int, bytes], dict[str, Any]]) -> Service:
        connections = Connections(
            trust=trust if scheme == "https" else None, connect_timeout=connect_timeout, read_timeout=read_timeout
        )
        signer = Signer(credentials, region=region, service=name, clock=time.time)
        return Service(signer, connections, explain=explain, trace=lambda: _trace(environ))

    return Clients(
        s3=S3Client(service("s3", objects.scheme, s3.explain), host=objects.netloc, by_path=_is_told(environ, "S3")),
        dynamodb=DynamoClient(service("dynamodb", items.scheme, dynamodb.explain), host=items.netloc),
    )


def _endpoint(service: str, region: str, environ: Mapping[str, str]) -> SplitResult | None:
    told = environ.get(f"AWS_ENDPOINT_URL_{service.upper()}") or environ.get("AWS_ENDPOINT_URL")
    if told:
        url = urlsplit(told)
        return url if url.path in ("", "/") and url.scheme in ("http", "https") else None
    for names, suffix in PARTITIONS:
        if names.fullmatch(region):
            return urlsplit(f"https://{service}.{region}.{suffix}")
    return None


def _is_told(environ: Mapping[str, str], service: str) -> bool:
    return any(environ.get(name) for name in ("AWS_ENDPOINT_URL", f"AWS_ENDPOINT_URL_{service}"))


def _is_unusual(environ: Mapping[str, str]) -> bool:
    return any(name.upper() in UNUSUAL and value.lower() not in ("", "false") for name, value in environ.items())


def _trace(environ: Mapping[str, str]) -> str | None:
    return environ.get("_X_AMZN_TRACE_ID") if "AWS_LAMBDA_FUNCTION_NAME" in environ else None
