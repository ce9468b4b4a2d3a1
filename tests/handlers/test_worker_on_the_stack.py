"""Workers on the embedded AWS, one after the other: one is stopped midway, one is killed midway, the third finishes."""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ops.local.emulator import Emulator
from tests.builders import created_body
from tests.chaos.kills import children
from tests.chaos.stage import REGION, Stage
from tests.chaos.uploads import Upload
from tests.handlers.test_consumer import jpeg
from tests.ops.local.conftest import is_running, wait_until
from tests.service.access.needs import needs_of
from tests.service.recording_proxy import recording

ROOT = Path(__file__).parents[2]
IMAGES = 6
BATCH = 2
TIMEOUT, TRY, LEASE = 10, 3, 11  # seconds; three tries and a rest are the shortest timeout for such a batch
PUTS_BEFORE_A_SIGNAL = 4  # of six in a batch
SETTINGS = {
    "FUNCTION_TIMEOUT": str(TIMEOUT),
    "TRY_SECONDS": str(TRY),
    "LEASE_SECONDS": str(LEASE),
    "BATCH_SIZE": str(BATCH),
    "WAIT_SECONDS": "1",
    "STOP_SECONDS": "60",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1769",
    "CPUS": "1",
}


class Run:
    """A stage on the emulator; the requests of workers are counted, and one of them can be the moment for a signal."""

    def __init__(self, emulator: Emulator, folder: Path) -> None:
        self.stage = Stage(emulator)
        attributes = {"VisibilityTimeout": str(TIMEOUT + LEASE)}
        self.stage.sqs.set_queue_attributes(QueueUrl=self.stage.queue, Attributes=attributes)
        self.stage.s3.put_bucket_versioning(Bucket="variants", VersioningConfiguration={"Status": "Enabled"})
        self.endpoint = ""
        self.emulator = emulator
        self.folder = folder
        self.actions: list[str] = []
        self.done_before_batch = 0  # a receive may bring fewer messages than a batch holds
        self.signal: int | None = None  # to send in the midst of a batch
        self.send: Callable[[int], object] = lambda _: None  # to the worker
        self._logs: list[Path] = []

    def before(self, action: str) -> None:
        """Called with each request of a worker, by several threads."""
        self.actions.append(action)
        if action == "sqs:ReceiveMessage":
            self.done_before_batch = self.done().total()
        if self.signal is not None and self.actions.count("s3:PutObject") >= PUTS_BEFORE_A_SIGNAL:
            number, self.signal = self.signal, None
            self.actions.append("signal")
            self.send(number)

    @contextmanager
    def working(self, number: int | None = None) -> Iterator["subprocess.Popen[bytes]"]:
        """A worker, which gets this signal in the midst of a batch."""
        self.actions.clear()
        self.signal = number
        self._logs.append(self.folder / f"worker-{len(self._logs)}.log")
        environ = self.stage.environment() | SETTINGS | self.emulator.environ()
        environ |= {"AWS_ENDPOINT_URL": self.endpoint, "HEARTBEAT_FILE": str(self.folder / "alive")}
        command = [sys.executable, "-m", "tests.handlers.hasty_worker"]
        with self._logs[-1].open("wb") as log:
            worker = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=log, stderr=log, start_new_session=True)
        # A stop is for the group, as some supervisors send it: the renderers must outlive it
        self.send = worker.send_signal if number == signal.SIGKILL else partial(os.killpg, worker.pid)
        try:
            yield worker
        finally:
            worker.kill()
            worker.wait()

    def lines(self, message: str = "") -> list[dict[str, Any]]:
        """What all workers have logged."""
        found = [json.loads(line) for log in self._logs for line in log.read_text().splitlines() if line[:1] == "{"]
        return [line for line in found if message in line.get("message", "")]

    def done(self) -> Counter[str]:
        return Counter(line["object"] for line in self.lines() if line.get("outcome") == "done")

    def puts(self) -> dict[str, list[str]]:
        """The ETags of all that was ever put, by the variant's key."""
        found: dict[str, list[str]] = {}
        for page in self.stage.s3.get_paginator("list_object_versions").paginate(Bucket="variants"):
            for version in page.get("Versions", []):
                found.setdefault(version["Key"], []).append(version["ETag"])
        return found


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    emulator = Emulator(region=REGION, log=tmp_path / "emulator.log")
    emulator.start()
    try:
        run = Run(emulator, tmp_path)
        with recording(emulator.endpoint, run.before) as (run.endpoint, _):
            yield run
    finally:
        emulator.stop()


def as_permission(action: str) -> str:
    """The permission for an operation: a batch has that of its entries."""
    return action.removesuffix("Batch")


def test_a_stopped_and_a_killed_worker_lose_nothing_and_nothing_is_done_twice(run: Run) -> None:
    uploads = [Upload(f"images/{number:02d}.jpg", [jpeg(size=(160, 120))]) for number in range(IMAGES)]
    for upload in uploads:
        run.stage.put(upload, upload.versions[0])
    run.stage.send([created_body(upload.key, upload.etags[0]) for upload in uploads])
    asked: set[str] = set()

    with run.working(signal.SIGTERM) as stopped:
        assert stopped.wait(60) == 0
        after = run.actions[run.actions.index("signal") :]
        assert after.count("sqs:ReceiveMessage") == 0
        assert after.count("s3:PutObject") > 0, "what it held is finished"
        asked |= set(run.actions)
    assert 0 < run.done().total() - run.done_before_batch <= BATCH
    assert run.stage.left() == IMAGES - run.done().total()
    assert [line for line in run.lines() if line.get("outcome") != "done" and "outcome" in line] == []

    with run.working(signal.SIGKILL) as killed:
        helpers = wait_until(lambda: children(killed.pid), seconds=60)
        assert killed.wait(60) == -signal.SIGKILL
    assert set(run.done()) < {f"uploads/{upload.key}" for upload in uploads}
    wait_until(lambda: not any(map(is_running, helpers)), seconds=20)

    with run.working() as last:
        wait_until(lambda: run.stage.left() == 0, seconds=120)
        last.terminate()
        assert last.wait(30) == 0
        asked |= set(run.actions)

    assert run.stage.dead() == []
    statuses = {(item["object"]["S"], item["etag"]["S"]): item["status"]["S"] for item in run.stage.items()}
    assert statuses == {(f"uploads/{upload.key}", upload.etags[0]): "DONE" for upload in uploads}
    expected = {f"{name}/{up.key[7:]}": up.etags[0] for up in uploads for name in ("desktop", "tablet", "phone")}
    assert run.stage.shown() == expected
    assert max(run.done().values()) == 1
    puts = run.puts()
    assert all(len(set(etags)) == 1 for etags in puts.values()), "a variant never has other bytes"
    again = {key.partition("/")[2] for key, etags in puts.items() if len(etags) > 1}
    assert len(again) <= BATCH, "only what the killed worker held may be put again"
    allowed = {need.split()[0] for need in needs_of("TaskRole", ())}
    assert {as_permission(action) for action in asked - {"signal"}} <= allowed
    assert [line["signal"] for line in run.lines("the worker stops")] == ["SIGTERM", "SIGTERM"]
    assert (run.folder / "alive").exists()
