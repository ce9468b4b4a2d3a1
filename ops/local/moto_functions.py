"""A function's package can be downloaded from where GetFunction says it is, as on AWS: moto names a bucket it has not.

https://docs.aws.amazon.com/lambda/latest/api/API_FunctionCodeLocation.html
"""

import base64
import json
import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

from moto.awslambda.models import lambda_backends
from moto.awslambda.responses import LambdaResponse
from moto.moto_api._internal import urls as moto_api_urls

from ops.local import moto_probes
from ops.local.patch import Patch

PATH: Final = "/moto-api/function-code/"

Answer = tuple[int, dict[str, str], str | bytes]


def patch() -> Patch:
    """What serves packages."""
    return Patch(
        "the package of a function, where GetFunction says it is",
        moto_probes.serves_packages,
        replaces=[(LambdaResponse, "get_function", located), (moto_api_urls, "url_paths", routed)],
    )


def located(get_function: Callable[[Any], str]) -> Callable[[Any], str]:
    """GetFunction, with an address of this server as the location of the code."""

    def on_this_server(response: Any) -> str:
        answer = json.loads(get_function(response))
        if "Location" in answer.get("Code", {}):
            digest = base64.b64decode(answer["Configuration"]["CodeSha256"]).hex()
            server = urlsplit(response.uri)
            signed = f"X-Amz-Credential={response.get_access_key()}"  # by whoever sent the request, as on AWS
            answer["Code"]["Location"] = f"{server.scheme}://{server.netloc}{PATH}{digest}?{signed}"
        return json.dumps(answer)

    return on_this_server


def routed(url_paths: dict[str, Any]) -> dict[str, Any]:
    """The paths of moto's own API, and those of functions' packages."""
    return {**url_paths, f"{{0}}{PATH}(?P<digest>[0-9a-f]+)$": download}


def download(_request: Any, full_url: str, headers: Any) -> Answer:
    """The package with the digest that ends the path, or a range of it; only while a function has it."""
    digest = urlsplit(full_url).path.removeprefix(PATH)
    for regions in list(lambda_backends.values()):
        for backend in list(regions.values()):
            for function in backend.list_functions("ALL"):
                if getattr(function, "code_digest", "") == digest:
                    return _part(function.code_bytes, headers.get("Range", ""))
    return HTTPStatus.NOT_FOUND, {}, ""


def _part(package: bytes, wanted: str) -> Answer:
    """As S3 answers, from which Lambda has packages downloaded; of ranges, it takes ``bytes=FIRST-LAST`` alone."""
    content = {"Content-Type": "application/zip"}
    found = re.fullmatch(r"bytes=(\d+)-(\d+)", wanted)
    if found is None:
        return HTTPStatus.OK, content, package
    first, last = int(found[1]), min(int(found[2]), len(package) - 1)
    return (
        HTTPStatus.PARTIAL_CONTENT,
        content | {"Content-Range": f"bytes {first}-{last}/{len(package)}"},
        package[first : last + 1],
    )
