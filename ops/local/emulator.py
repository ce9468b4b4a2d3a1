"""The emulator, from outside: a server process that is ready when ``start`` returns and gone when ``stop`` does."""

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from botocore.config import Config

from ops.errors import StackError
from ops.local.credentials import Credentials
from ops.local.ports import port_refused
from ops.local.user_environment import for_children

PROJECT = Path(__file__).resolve().parents[2]
ACCOUNT = "123456789012"
REGION = "eu-west-1"

CONFIG = Config(
    connect_timeout=5,
    read_timeout=60,  # a long poll lasts 20 s at most; a deployment makes the emulator slow to answer others
    retries={"mode": "standard", "max_attempts": 3},
    max_pool_connections=64,
    proxies={},  # none, whatever the user's environment says: the emulator is on this machine
    s3={"addressing_style": "path"},  # a bucket name as host would have to be resolved
)


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
        self.credentials = Credentials.draw()
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
            StackError: the port cannot be had, or moto lacks what a patch of it builds on.
        """
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "ops.local.emulator_process", str(self._port)],
                cwd=PROJECT,
                env=for_children()
                | self.credentials.environ(self.region)
                | {"MOTO_ACCOUNT_ID": ACCOUNT, "MOTO_DISABLE_GLOBAL_CORS": "true"},
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
            if self._port and "refused" in said:
                raise port_refused(self._port, said["refused"], instead="leave --port out for any free one")
            raise StackError(f"the emulator did not start: {said.get('error') or self._last_words()}")
        self.endpoint = f"http://127.0.0.1:{said['port']}"

    def _last_words(self) -> str:
        """The end of its log: an exception that names what the server did not find in moto."""
        lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines() or ["it said nothing"]
        return f"{lines[-1]} (all it said is in {self._log})"

    def kill(self) -> None:
        """End the server process, even one that hangs: whoever waits for its answer fails. Without one, do nothing."""
        if self._process is not None:
            self._process.kill()  # all it holds is in its memory: there is nothing to put in order

    def stop(self) -> None:
        """End the server process, and let go of all that was for it; does nothing when there is none."""
        self.kill()
        for client in self._clients.values():
            client.close()
        self._clients.clear()
        if self._process is None:
            return
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        self._process = None

    def client(self, service: str) -> Any:
        """The boto3 client for ``service``; the same one each time, safe to share between threads."""
        with self._making_a_client:
            if service not in self._clients:
                session = self.credentials.session(self.region)
                self._clients[service] = session.client(service, endpoint_url=self.endpoint, config=CONFIG)
            return self._clients[service]

    def environ(self) -> dict[str, str]:
        """What makes any AWS SDK in a child process talk to this server; for an environment without AWS_PROFILE."""
        return self.credentials.environ(self.region) | {"AWS_ENDPOINT_URL": self.endpoint}
