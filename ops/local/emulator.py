"""The emulator, from outside: a server process that is ready when ``start`` returns and gone when ``stop`` does.

And where the one that runs on this machine is, for commands in other terminals.
"""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import botocore.session
from botocore.config import Config

from ops.errors import StackError

PROJECT = Path(__file__).resolve().parents[2]
ACCOUNT = "123456789012"
REGION = "eu-west-1"
DUMMY_KEYS = ("local", "local")
RUNNING = PROJECT / ".cache" / "running-stack.json"
"""Where the local stack that runs on this machine is: its owner writes this file, other commands read it."""

CONFIG = Config(
    connect_timeout=5,
    read_timeout=60,  # a long poll lasts 20 s at most; a deployment makes the emulator slow to answer others
    retries={"mode": "standard", "max_attempts": 3},
    max_pool_connections=64,
    proxies={},  # none, whatever the user's environment says: the emulator is on this machine
    s3={"addressing_style": "path"},  # a bucket name as host would have to be resolved
)

NO_PROFILE = {
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
}
"""For botocore's session: no profile and no file of the user's has a say, not even one that AWS_PROFILE names."""


class Emulator:
    """A moto server in a process of its own.

    Args:
        region: the region its clients speak to.
        log: where its standard error goes.
        port: the port on 127.0.0.1; any free one when 0.
    """

    def __init__(self, *, region: str, log: Path, port: int = 0) -> None:
        self.region = region
        self.endpoint = ""
        self._log = log
        self._port = port
        self._process: subprocess.Popen[bytes] | None = None
        self._clients: dict[str, Any] = {}
        self._making_a_client = threading.Lock()

    @property
    def pid(self) -> int:
        """The server's process id.

        Raises:
            StackError: it is not running.
        """
        if self._process is None:
            raise StackError("the emulator is not running: start it first")
        return self._process.pid

    def start(self) -> None:
        """Start the server and wait until it listens.

        Raises:
            StackError: the port is taken, or moto lacks what a patch of it builds on.
        """
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "ops.local.server", str(self._port)],
                cwd=PROJECT,
                env=os.environ | environ(self.region) | {"MOTO_ACCOUNT_ID": ACCOUNT},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,  # the terminal's Ctrl-C is for the runner, which then stops this one
            )
        assert self._process.stdout is not None
        first_line = self._process.stdout.readline()
        said = json.loads(first_line or b"{}")
        if "port" not in said:
            self.stop()
            raise StackError(self._cannot_start(said.get("error") or self._last_words()))
        self.endpoint = f"http://127.0.0.1:{said['port']}"

    def _cannot_start(self, cause: str) -> str:
        if self._port and "in use" in cause:
            return f"port {self._port} is taken: leave --port out to use a free one, or name another"
        return f"the emulator did not start: {cause}"

    def _last_words(self) -> str:
        """The end of its log: an exception that names what the server did not find in moto."""
        lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines() or ["it said nothing"]
        return f"{lines[-1]} (all it said is in {self._log})"

    def stop(self) -> None:
        """End the server process; does nothing when there is none."""
        for client in self._clients.values():
            client.close()
        self._clients.clear()
        if self._process is None:
            return
        self._process.kill()  # all it holds is in its memory: there is nothing to put in order
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        self._process = None

    def client(self, service: str) -> Any:
        """The boto3 client for ``service``; the same one each time, safe to share between threads."""
        with self._making_a_client:
            if service not in self._clients:
                session = local_session(self.region)
                self._clients[service] = session.client(service, endpoint_url=self.endpoint, config=CONFIG)
            return self._clients[service]

    def environ(self) -> dict[str, str]:
        """What makes any AWS SDK in a child process talk to this server; for an environment without AWS_PROFILE."""
        return environ(self.region) | {"AWS_ENDPOINT_URL": self.endpoint}


def local_session(region: str = REGION) -> Any:
    """A boto3 session with dummy keys, in which nothing of the user's own settings has a say."""
    return boto3.session.Session(*DUMMY_KEYS, region_name=region, botocore_session=botocore.session.Session(NO_PROFILE))


def environ(region: str) -> dict[str, str]:
    """Dummy credentials for ``region``, and no file or metadata service with real ones."""
    return {
        "AWS_ACCESS_KEY_ID": DUMMY_KEYS[0],
        "AWS_SECRET_ACCESS_KEY": DUMMY_KEYS[1],
        "AWS_SESSION_TOKEN": "local",
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
    }


@contextmanager
def announced(endpoint: str, file: Path = RUNNING) -> Iterator[None]:
    """Let other commands find the stack at ``endpoint`` while the block runs."""
    file.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"endpoint": endpoint, "pid": os.getpid()})
    file.write_text(text, encoding="utf-8")
    try:
        yield
    finally:
        if file.exists() and file.read_text(encoding="utf-8") == text:  # or another stack has been announced since
            file.unlink()


def running_endpoint(file: Path = RUNNING) -> str:
    """The URL of the embedded stack: AWS_ENDPOINT_URL, or the one that was announced and still runs.

    Raises:
        StackError: none runs.
    """
    if endpoint := os.environ.get("AWS_ENDPOINT_URL"):
        return endpoint
    try:
        said = json.loads(file.read_text(encoding="utf-8"))
        os.kill(said["pid"], 0)
    except (FileNotFoundError, ProcessLookupError) as error:
        raise StackError("no local stack is running: start one in another terminal with: npm run local") from error
    return str(said["endpoint"])
