"""S3, DynamoDB and SQS in moto behind real sockets, in this process: every request is seen, any can be lost."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol
from urllib.request import Request, urlopen

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import ThreadedWSGIServer, make_server

from ops.local.server import HOST, EmulatorHandler
from tests.background import in_background

OBJECTS = {"GET": "GetObject", "PUT": "PutObject", "HEAD": "HeadObject", "DELETE": "DeleteObject"}
LOST = "503 Service Unavailable"
Meddle = Callable[[str], bool]


class Application(Protocol):
    """What WSGI calls so."""

    def __call__(self, environ: dict[str, Any], start_response: Any, /) -> Iterable[bytes]: ...


class MotoServer:
    """What is asked for by whoever calls himself ``darkroom``, as the consumer does.

    ``before`` and ``after`` are called with the operation: before it takes effect, and after it did; when ``after`` is
    true the answer is lost, and the client reads 503 in its place.
    """

    def __init__(self, url: str = "") -> None:
        self.url = url
        self.forget()

    def forget(self) -> None:
        """As if nothing had been asked for."""
        self.requests: Counter[str] = Counter()
        self.before: Callable[[str], None] = lambda _: None
        self.after: Meddle = lambda _: False

    def reset(self) -> None:
        """Empty every service."""
        self.forget()
        with urlopen(Request(f"{self.url}/moto-api/reset", method="POST")) as answer:
            assert json.load(answer)["status"] == "ok"

    def application(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Moto's, watched."""
        if not environ.get("HTTP_USER_AGENT", "").startswith("darkroom"):
            return self._moto(environ, start_response)
        operation = operation_of(environ["REQUEST_METHOD"], environ.get("HTTP_X_AMZ_TARGET", ""))
        self.requests[operation] += 1
        self.before(operation)
        if not self.after(operation):
            return self._moto(environ, start_response)
        list(self._moto(environ, lambda *_: None))
        start_response(LOST, [("Content-Length", "0")])
        return []

    _moto: Application = DomainDispatcherApplication(create_backend_app)


def operation_of(method: str, target: str) -> str:
    """The operation of a request, from its method and its header X-Amz-Target."""
    return target.partition(".")[2] or OBJECTS[method]


@contextmanager
def serving() -> Iterator[MotoServer]:
    """A server, until the context ends."""
    moto = MotoServer()
    server = make_server(HOST, 0, moto.application, threaded=True, request_handler=EmulatorHandler)
    assert isinstance(server, ThreadedWSGIServer)
    server.daemon_threads = True  # a client that stays connected must not keep the server
    server.block_on_close = False
    moto.url = f"http://{HOST}:{server.server_port}"
    with in_background(server):
        yield moto
        server.server_close()
