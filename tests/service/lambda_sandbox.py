"""AWS's own runtime client on a package, within limits like Lambda's, and the Runtime API that it asks for work.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

import json
import os
import queue
import signal
import subprocess
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

PROCESSES = 1024  # https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
NOBODY = 65534
TASK, LANG, RUNTIME = "/mnt/task", "/mnt/lang", "/mnt/runtime"
IS_ROOT = os.getuid() == 0
# Who is not root gets what it needs by being root in a user namespace, and being nobody in another one in there
OUTSIDE = ["unshare", "--mount"] if IS_ROOT else ["unshare", "--user", "--map-root-user", "--mount"]
DROPPED = (
    "setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all --no-new-privs"
    if IS_ROOT
    else "unshare --user --map-user=65534 --map-group=65534"
)
# In a mount namespace of its own: folders that cannot be written to, and no /dev/shm
INSIDE = f"""
set -e
mount -t tmpfs -o mode=0 none /dev/shm
mount -t tmpfs -o mode=755 none /mnt
for place in task lang runtime; do
    mkdir /mnt/$place
    mount --bind "$1" /mnt/$place
    mount -o remount,bind,ro /mnt/$place
    shift
done
cd /mnt/task
exec {DROPPED} prlimit --nproc={PROCESSES} "$@"
"""


@dataclass(frozen=True)
class Sandbox:
    """What is mounted where: a package, the Python for it (its prefix), and what Lambda's runtime brings."""

    task: Path
    lang: Path
    runtime: Path

    def command(self, *arguments: str) -> list[str]:
        """A command that runs the Python in the sandbox."""
        places = [str(place) for place in (self.task, self.lang, self.runtime)]
        return [*OUTSIDE, "sh", "-c", INSIDE, "sh", *places, f"{LANG}/bin/python3.13", "-S", *arguments]

    @property
    def environ(self) -> dict[str, str]:
        """As Lambda sets it, for its folders."""
        return {
            "PATH": os.environ["PATH"],
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
            "LD_LIBRARY_PATH": f"{LANG}/lib",
            "LAMBDA_TASK_ROOT": TASK,
            "LAMBDA_RUNTIME_DIR": RUNTIME,
            "PYTHONPATH": f"{TASK}:{RUNTIME}",
        }

    def missing(self) -> str:
        """Why there can be no sandbox on this machine; empty when there can."""
        try:
            run = subprocess.run(self.command("-c", ""), env=self.environ, capture_output=True, text=True, check=False)
        except FileNotFoundError:
            return "unshare (util-linux) was not found"
        return run.stderr.strip() if run.returncode else ""


class RuntimeApi(ThreadingHTTPServer):
    """Hands out one invocation after the other, and takes their answers."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.waiting: queue.Queue[tuple[str, float, bytes]] = queue.Queue()
        self.answers: queue.Queue[tuple[str, str, bytes]] = queue.Queue()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """The runtime is killed at the end, in the middle of a request."""


class _Handler(BaseHTTPRequestHandler):
    server: RuntimeApi
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        request_id, deadline, event = self.server.waiting.get()
        self.send_response(200)
        self.send_header("Lambda-Runtime-Aws-Request-Id", request_id)
        self.send_header("Lambda-Runtime-Deadline-Ms", str(int(deadline * 1000)))
        self.send_header("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:eu-west-1:123456789012:function:f")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(event)))
        self.end_headers()
        self.wfile.write(event)

    def do_POST(self) -> None:
        *_, request_id, kind = self.path.split("/")
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.answers.put((request_id, kind, body))
        self.send_response(202)
        self.send_header("Content-Length", "0")
        self.end_headers()


class Runtime:
    """A process of AWS's runtime client."""

    def __init__(self, api: RuntimeApi, process: "subprocess.Popen[bytes]", timeout: float, log: Path) -> None:
        self.pid = process.pid
        self._api = api
        self._process = process
        self._timeout = timeout
        self._log = log

    def invoke(self, event: Mapping[str, Any]) -> Any:
        """The handler's answer."""
        request_id, deadline = str(uuid.uuid4()), time.time() + self._timeout
        self._api.waiting.put((request_id, deadline, json.dumps(event).encode()))
        while time.time() < deadline:
            try:
                answered, kind, body = self._api.answers.get(timeout=0.2)
            except queue.Empty:
                assert self._process.poll() is None, self._log.read_text()
                continue
            assert (answered, kind) == (request_id, "response"), body.decode() + self._log.read_text()
            return json.loads(body)
        raise AssertionError(f"no answer within {self._timeout} s: {self._log.read_text()}")

    def freeze(self, seconds: float) -> None:
        """What Lambda does between two invocations: all its processes stand still, and the clock goes on."""
        os.killpg(self.pid, signal.SIGSTOP)
        time.sleep(seconds)
        os.killpg(self.pid, signal.SIGCONT)


@contextmanager
def running(
    sandbox: Sandbox, handler: str, environ: Mapping[str, str], *, memory: int, timeout: float, log: Path
) -> Iterator[Runtime]:
    """The handler under AWS's runtime client, until the block ends."""
    with RuntimeApi() as api, log.open("wb") as output:
        Thread(target=api.serve_forever, daemon=True).start()
        settings = {
            "_HANDLER": handler,
            "AWS_LAMBDA_RUNTIME_API": api.address,
            "AWS_LAMBDA_FUNCTION_NAME": "f",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(memory),
            "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/f",
            "AWS_LAMBDA_LOG_STREAM_NAME": "stream",
            "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
        }
        process = subprocess.Popen(
            sandbox.command("-m", "awslambdaric", handler),
            env={**sandbox.environ, **environ, **settings},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield Runtime(api, process, timeout, log)
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            api.shutdown()


def family(pid: int) -> Sequence[int]:
    """A process and all below it."""
    below = [
        child
        for task in Path(f"/proc/{pid}/task").iterdir()
        for child in (task / "children").read_text(encoding="ascii").split()
    ]
    return [pid, *(each for child in below for each in family(int(child)))]
