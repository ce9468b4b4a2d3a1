"""What the consumer speaks to AWS with: clients of its own, or boto3's."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import botocore

from processing.direct import ATTEMPTS, Clients, direct_clients

# Three attempts of at most 1 + 5 seconds, and between them pauses of at most 1 and 2 seconds: 21 seconds at the worst.
CONNECT_TIMEOUT = 1
READ_TIMEOUT = 5
REQUEST_SECONDS = 22.0  # below the 30 seconds by which a lease outlives the function
CERTIFICATES = str(Path(botocore.__file__).with_name("cacert.pem"))  # what boto3 trusts


def make_clients(requests: str, environ: Mapping[str, str], *, connections: int) -> Clients:
    """Clients for S3 and DynamoDB.

    Args:
        requests: "direct" for our own, where the environment asks for nothing unusual; "boto3" for boto3's.
        connections: how many requests there are at once.
    """
    direct = None
    if requests == "direct":
        direct = direct_clients(
            environ, certificates=CERTIFICATES, connect_timeout=CONNECT_TIMEOUT, read_timeout=READ_TIMEOUT
        )
    return direct or Clients(*(boto3_client(service, connections) for service in ("s3", "dynamodb")))


def boto3_client(service: str, connections: int = 1) -> Any:
    """A client of boto3's; it is imported here, because that and one client are half of a cold start."""
    import boto3
    from botocore.config import Config

    settings = Config(
        connect_timeout=CONNECT_TIMEOUT,
        read_timeout=READ_TIMEOUT,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        max_pool_connections=connections,
        user_agent="darkroom",
        request_checksum_calculation="when_required",  # the signature covers the SHA-256 of the body in its place
    )
    make: Callable[..., Any] = boto3.client
    return make(service, config=settings)
