"""The emulator's process: a moto server on loopback that says on its standard output where it listens.

Run by ``ops.local.emulator_process PORT`` (0 takes a free one), with the credentials that it knows in its environment.
It lives as long as its standard input is open, so it ends with whoever started it, whatever ended that one.
"""

import io
import json
import os
import socket
import sys
import threading
import traceback
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from moto.s3.models import s3_backends
from werkzeug.serving import make_server

from ops.local import moto_patches
from ops.local.credentials import Credentials
from ops.local.guard import CorsRule, Guard
from ops.local.patch import PatchError

HOST = "127.0.0.1"


class EmulatorHandler(MotoRequestHandler):
    """One connection: werkzeug's handler closes it after each answer; this one reads bodies whole and keeps it open."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # on a connection that stays open it costs 40 ms an answer
    wbufsize = -1

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """No access log: at hundreds of requests a second it costs more than it tells."""

    def handle_expect_100(self) -> bool:
        """Ask for the body that a client announced with ``Expect: 100-continue``, as S3's clients do."""
        super().handle_expect_100()
        self.wfile.flush()
        return True

    def run_wsgi(self) -> None:
        environ = self.make_environ()
        is_in_chunks = "wsgi.input_terminated" in environ  # its reader raises when an end is missing
        body = environ["wsgi.input"].read(*([] if is_in_chunks else [self._content_length()]))
        if not is_in_chunks and len(body) < self._content_length():
            self.close_connection = True  # the sender was killed half-way: AWS takes no half of a body
            return
        environ |= {"wsgi.input": io.BytesIO(body), "wsgi.input_terminated": True, "CONTENT_LENGTH": str(len(body))}
        answers: list[tuple[str, list[tuple[str, str]]]] = []

        def start_response(status: str, headers: list[tuple[str, str]], _error: Any = None) -> None:
            answers.append((status, headers))

        try:
            content = b"".join(self._answer(environ, start_response))
            status, headers = answers[-1]
        except Exception:  # noqa: BLE001 - a server answers 500 and lives on
            traceback.print_exc()
            status, headers, content = "500 Internal Server Error", [], b""
        self._send(status, headers, content)

    def _content_length(self) -> int:
        return int(self.headers.get("Content-Length") or 0)

    def _answer(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        chunks = self.server.app(environ, start_response)
        try:
            yield from chunks
        finally:
            if hasattr(chunks, "close"):
                chunks.close()

    def _send(self, status: str, headers: list[tuple[str, str]], content: bytes) -> None:
        code, _, phrase = status.partition(" ")
        self.send_response(int(code), phrase)
        for name, value in headers:
            self.send_header(name, value)
        without_body = int(code) in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)
        if not without_body and not any(name.lower() == "content-length" for name, _ in headers):
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD" and not without_body:
            self.wfile.write(content)
        self.wfile.flush()


def main() -> None:
    """Serve until standard input ends; the first line of standard output is ``{"port": ...}``, or why there is none:
    ``{"error": ...}``, beside which ``refused`` is the system's errno.
    """
    credentials = Credentials.of(os.environ)
    try:
        if credentials is None:
            raise PatchError("it was given no credentials of a local stack")
        moto_patches.install(patches=moto_patches.all_patches(credentials))
        listener = socket.create_server((HOST, int(sys.argv[1])), backlog=128)
    except PatchError as error:
        _say(error=str(error))
        sys.exit(1)
    except OSError as error:
        _say(refused=error.errno, error=str(error))
        sys.exit(1)
    os.environ["MOTO_PORT"] = str(listener.getsockname()[1])  # of the AWS that state machines ask
    application = Guard(DomainDispatcherApplication(create_backend_app), credentials, _cors_rules)
    server = make_server(HOST, 0, application, threaded=True, request_handler=EmulatorHandler, fd=listener.fileno())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _say(port=listener.getsockname()[1])
    server.serve_forever()


def _cors_rules(bucket: str) -> Iterable[CorsRule]:
    found = s3_backends[DEFAULT_ACCOUNT_ID]["aws"].buckets.get(bucket)
    return found.cors if found else ()


def _say(**fact: Any) -> None:
    sys.stdout.write(json.dumps(fact) + "\n")
    sys.stdout.flush()


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(0)
