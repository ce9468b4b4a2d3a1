"""Thousands of dead letters: how long a look takes, what rate is held, and what a killed redrive loses.

``python -m tests.ops.cli.dlq.scale`` does it with 10,000 on an emulator of its own and prints the figures; `test_scale`
with fewer.
"""

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from boto3.dynamodb.types import TypeSerializer

from ops.local.emulator import Emulator
from tests.ops.cli.conftest import REGION, Place

LETTERS = 10_000
KILLS = 4
CAUSES = ("CorruptImage", "AccessDenied", "SlowDown", "ValueError")
HIDDEN = 3, 20  # seconds for which the killed command's messages stay hidden, few and many; 120 otherwise
TICKS = os.sysconf("SC_CLK_TCK")

REDRIVE = """
import sys
from ops.cli.main import make_app
from ops.cli.dlq.messages import HeldMessages

HeldMessages.__init__.__kwdefaults__["hidden"] = int(sys.argv.pop())
sys.argv = ["darkroom", "dlq", "redrive", "--all", *sys.argv[1:]]
make_app()()
"""


def bury(place, count):
    """Put so many messages, with the records of why they died, into the queue and the table."""

    def some(start):
        numbers = range(start, min(start + 10, count))
        bodies = [place.body(key_of(number)) for number in numbers]
        place.bury_many(bodies)
        items = [_record(place, number) for number in numbers]
        place.dynamodb.batch_write_item(
            RequestItems={place.stage.images_table: [{"PutRequest": {"Item": item}} for item in items]}
        )

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(some, range(0, count, 10)))


def key_of(number):
    """The key of the how many-th message's object."""
    return f"images/{number:05}.jpg"


def _record(place, number):
    item = {
        "object": f"{place.stage.uploads_bucket}/{key_of(number)}",
        "etag": "e1",
        "status": "FAILED",
        "attempts": 5,
        "updated_at": int(time.time()),
        "reason": {"cause": CAUSES[number % len(CAUSES)], "message": "", "fingerprint": ""},
    }
    return {name: TypeSerializer().serialize(value) for name, value in item.items()}


@dataclass
class Took:
    """Seconds by the clock, and of the processors for the command and the emulator together."""

    wall: float = 0.0
    cpu: float = 0.0


@contextmanager
def took(emulator):
    """Measure what the block takes, with the processes it starts."""
    took = Took()
    wall, cpu = time.monotonic(), _cpu(emulator.pid)
    yield took
    took.wall, took.cpu = time.monotonic() - wall, _cpu(emulator.pid) - cpu


def _cpu(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    own = os.times()
    return (int(fields[11]) + int(fields[12])) / TICKS + own.user + own.system + own.children_user + own.children_system


def redrive_at(place, rate, limit):
    """Redrive so many at a rate; returns the rate that was held, from the first message sent to the last."""
    place.run("redrive", "--all", "--rate", str(rate), "--limit", str(limit))
    times = sorted(
        int(message["Attributes"]["SentTimestamp"]) / 1000 for message in place.receive_all(place.stage.queue_url)
    )[-limit:]
    return (len(times) - min(10, max(1, rate // 2))) / (times[-1] - times[0])


def redrive_with_kills(place, kills, rng, rate):
    """Redrive everything with a command that is killed at random moments; returns how often it was."""
    killed, hidden = 0, HIDDEN[sum(place.dead_messages) > 1000]
    while killed < kills and place.dead_messages != (0, 0):
        sent = place.queued
        command = [sys.executable, "-c", REDRIVE, "--stage", place.name, "--rate", str(rate), str(hidden)]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as redriving:
            while place.queued == sent and redriving.poll() is None:
                time.sleep(0.1)  # counting costs the emulator a look through the queue
            time.sleep(rng.uniform(0, 0.5))
            redriving.send_signal(signal.SIGKILL)
        killed += redriving.returncode == -signal.SIGKILL
        while place.dead_messages[1]:
            time.sleep(0.5)
    place.run("redrive", "--all")
    return killed


def objects(place):
    """The key of every message in the uploads queue, as often as it is there."""
    return [
        json.loads(message["Body"])["Records"][0]["s3"]["object"]["key"].replace("%2F", "/")
        for message in place.receive_all(place.stage.queue_url)
    ]


def main():
    """Print the figures."""
    with tempfile.TemporaryDirectory() as folder:
        emulator = Emulator(region=REGION, log=Path(folder) / "emulator.log")
        emulator.start()
        os.environ.update(emulator.environ())
        try:
            _measure(emulator)
        finally:
            emulator.stop()


def _measure(emulator):
    print(f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}", flush=True)
    place = Place(emulator)
    bury(place, LETTERS)
    with took(emulator) as look:
        groups = place.json("groups")["groups"]
    said = ", ".join(f"{group['messages']} {group['cause']}" for group in groups)
    print(f"groups of {LETTERS}: {look.wall:.1f} s, {look.cpu:.1f} s of CPU with the emulator's ({said})", flush=True)
    for rate in (20, 100, 200):
        held = redrive_at(place, rate, 10 * rate)
        print(f"redrive --rate {rate}: {held:.1f} a second", flush=True)
    place = Place(emulator)
    bury(place, LETTERS)
    killed = redrive_with_kills(place, KILLS, random.Random(0), rate=2000)
    found = objects(place)
    print(
        f"redrive of {LETTERS} killed {killed} times: {LETTERS - len(set(found))} lost, "
        f"{len(found) - len(set(found))} twice, {sum(place.dead_messages)} left"
    )


if __name__ == "__main__":
    main()
