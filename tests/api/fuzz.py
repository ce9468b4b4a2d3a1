"""Schemathesis against the API as ``darkroom local`` serves it: it makes requests of every kind from the description,
right ones and wrong ones, and holds every answer against it. The server counts what it really answered."""

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ops.cli.local import serving
from ops.local.serve.events import HttpRequest, HttpResponse
from ops.local.serve.gateway import Gateway, draw_api_key
from ops.local.serve.server import Server, listen
from ops.local.stack import LocalStack
from tests.background import in_background

SEED = 20261121


@dataclass(frozen=True)
class Counting(Gateway):
    """A gateway that counts its answers by method and status."""

    answers: "Counter[tuple[str, int]]" = None  # type: ignore[assignment]

    def answer(self, request: HttpRequest) -> HttpResponse:
        response = super().answer(request)
        self.answers[request.method, response.status] += 1
        return response


@dataclass(frozen=True)
class Run:
    """How it went."""

    passed: bool
    report: str
    answers: "Counter[tuple[str, int]]"

    @property
    def requests(self) -> int:
        return self.answers.total()

    @property
    def statuses(self) -> set[int]:
        return {status for _, status in self.answers}


@contextmanager
def served(stack: LocalStack, answers: "Counter[tuple[str, int]]") -> Iterator[Server]:
    """The API of a running stack, answering until the block ends."""
    with serving(stack, listen(0), draw_api_key()) as server:
        plain = server.gateway
        server.gateway = Counting(plain.routes, plain.invoke, plain.note, plain.api_key, answers)
        with in_background(server):
            yield server


def fuzz(stack: LocalStack, *, examples: int, folder: Path, phases: str = "examples,coverage,fuzzing,stateful") -> Run:
    """Run Schemathesis with up to so many examples for each operation and phase."""
    answers: Counter[tuple[str, int]] = Counter()
    with served(stack, answers) as server:
        command = [
            *(str(Path(sys.executable).with_name("st")), "run", f"{server.url}/openapi.json"),
            *("--header", f"x-api-key: {server.gateway.api_key}", "--max-examples", str(examples), "--phases", phases),
            *("--seed", str(SEED), "--generation-database", "none", "--no-color"),
        ]
        run = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return Run(run.returncode == 0, run.stdout + run.stderr, answers)
