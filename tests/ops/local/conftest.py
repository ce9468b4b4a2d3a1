"""One emulator for the folder, and a player on a queue of its own for each test that asks."""

import json
import os
import sys
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import boto3
import pytest

from ops.local.deployed import EventSourceMapping, Function
from ops.local.emulator import Emulator
from ops.local.player import Player
from ops.local.program import Program

FUNCTIONS = Path(__file__).parent / "functions"
SITE_PACKAGES = Path(boto3.__file__).parents[1]
REGION = "eu-west-1"


def wait_until(condition, *, seconds=20.0):
    """Look until ``condition()`` is true, and return what it was."""
    end = time.monotonic() + seconds
    while not (result := condition()):
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.02)
    return result


def is_running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    return not (status.exists() and status.read_text().rpartition(")")[2].split()[0] == "Z")


@pytest.fixture(scope="session")
def emulator(tmp_path_factory):
    emulator = Emulator(region=REGION, log=tmp_path_factory.mktemp("emulator") / "emulator.log")
    emulator.start()
    yield emulator
    emulator.stop()


class Stage:
    """A queue, and a player on it that runs one of the handlers of ``functions``."""

    def __init__(self, emulator, log_dir):
        self.emulator = emulator
        self.sqs = emulator.client("sqs")
        self.log_dir = log_dir
        self.players = []
        self.queue_name = f"q-{uuid.uuid4().hex}"
        self.queue_url = self.create_queue(self.queue_name)

    def create_queue(self, name, **attributes):
        attributes = {"VisibilityTimeout": "60"} | attributes
        return self.sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]

    def set(self, **attributes):
        self.sqs.set_queue_attributes(QueueUrl=self.queue_url, Attributes=attributes)

    def send(self, *bodies):
        return [self.sqs.send_message(QueueUrl=self.queue_url, MessageBody=body)["MessageId"] for body in bodies]

    def play(self, handler, *, timeout=20.0, environments=None, environment=None, now=dict, **mapping):
        """``now`` has the settings of the mapping that may change meanwhile."""
        source = EventSourceMapping(
            queue_arn=f"arn:aws:sqs:{REGION}:123456789012:{self.queue_name}", function_name="function", **mapping
        )
        function = Function(
            name="function",
            arn=f"arn:aws:lambda:{REGION}:123456789012:function:function",
            handler=handler if "." in handler else f"handlers.{handler}",
            timeout=timeout,
            memory=512,
            environment=environment or {},
        )
        player = Player(
            self.sqs,
            lambda: replace(source, **now()),
            lambda: Program(function, sys.executable, FUNCTIONS, (SITE_PACKAGES,)),
            environ=self.emulator.environ(),
            log_dir=self.log_dir,
            environments=environments,
        )
        self.players.append(player)
        player.start()
        return player

    def log(self):
        return "".join(path.read_text() for path in sorted(self.log_dir.glob("function-*.log")))

    def invocations(self):
        """What the handlers said, in the order in which they said it in each environment."""
        return [json.loads(line) for line in self.log().splitlines() if line.startswith("{")]

    def left(self, queue_url=None):
        """How many messages are in the queue, hidden or not."""
        return self._count("ApproximateNumberOfMessages", queue_url) + self.hidden(queue_url)

    def hidden(self, queue_url=None):
        """How many messages somebody has received and not deleted."""
        return self._count("ApproximateNumberOfMessagesNotVisible", queue_url)

    def _count(self, name, queue_url):
        answer = self.sqs.get_queue_attributes(QueueUrl=queue_url or self.queue_url, AttributeNames=[name])
        return int(answer["Attributes"][name])


@pytest.fixture(scope="session")
def aside(emulator):
    """Threads for what no test has to wait for: a player is gone up to one long poll after it was told to go."""
    with ThreadPoolExecutor(32) as threads:
        yield threads


@pytest.fixture
def stage(emulator, tmp_path, aside):
    stage = Stage(emulator, tmp_path / "logs")
    yield stage
    for player in stage.players:
        aside.submit(player.kill)
