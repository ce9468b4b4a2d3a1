"""What the function needs of Lambda's runtime beyond its own package, checked when it starts: see docs/runtime.md."""

import os
import platform
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import botocore

from processing.errors import Misconfigured

BOTOCORE: Final = (1, 36, 0)  # the first whose Config knows request_checksum_calculation
PARAMETERS: Final = {
    ("s3", "GetObject"): ("IfMatch",),
    ("s3", "PutObject"): ("IfMatch", "IfNoneMatch"),
    ("s3", "DeleteObject"): ("IfMatch",),
    ("dynamodb", "UpdateItem"): ("ReturnValuesOnConditionCheckFailure",),
}
"""The parameters without which a write is not conditional; botocore refuses unknown ones at the first request only."""
REMEDY: Final = "put boto3 into requirements-base.txt and run npm run lock, so that the package brings its own"


def describe() -> dict[str, str]:
    """What the function runs on, for its log's first line: 0.1 ms."""
    return {
        "python": platform.python_version(),
        "botocore": botocore.__version__,
        "libc": os.confstr("CS_GNU_LIBC_VERSION") or "unknown" if hasattr(os, "confstr") else "unknown",
        "kernel": os.uname().release,
        "machine": os.uname().machine,
    }


def check_botocore(version: str | None = None) -> None:
    """Before a client is made.

    Raises:
        Misconfigured: botocore is too old.
    """
    version = botocore.__version__ if version is None else version
    if tuple(map(int, re.findall(r"\d+", version)[:3])) < BOTOCORE:
        raise Misconfigured([f"botocore: is {version}; {'.'.join(map(str, BOTOCORE))} is needed: {REMEDY}"])


def check_parameters(clients: Mapping[str, Any]) -> None:
    """Look for the parameters in the models of clients, by the service's name; 0.4 ms.

    Raises:
        Misconfigured: with a sentence for each operation that lacks one.
    """
    faults = list(_missing(clients))
    if faults:
        raise Misconfigured(faults)


def _missing(clients: Mapping[str, Any]) -> Iterator[str]:
    for (service, operation), needed in PARAMETERS.items():
        known = clients[service].meta.service_model.operation_model(operation).input_shape.members
        for name in needed:
            if name not in known:
                yield f"botocore: {botocore.__version__} has no {name} for {service}:{operation}: {REMEDY}"
