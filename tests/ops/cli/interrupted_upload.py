"""``darkroom upload`` of thousands of files, interrupted again and again, until everything is there.

python -m tests.ops.cli.interrupted_upload --files 5000 --interruptions 20
"""

import argparse
import hashlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from ops.cli.queues import depth_of
from ops.local.emulator import PROJECT
from tests.ops.cli.bare import PREFIX, bare_stage, stored, told_of
from tests.ops.cli.embedded import jpeg, wait_until

SIGNALS = (signal.SIGINT, signal.SIGKILL)


@dataclass
class Result:
    """What there was to be, what is there, how often S3 told of each key, how each run ended and what it said."""

    expected: dict[str, str]
    stored: dict[str, str]
    told_of: Counter[str]
    exit_codes: tuple[int, ...]
    seconds: float
    words: tuple[str, ...]


def make_files(folder, count):
    """So many pictures, all different, in folders of a hundred; the key and the ETag that each is to have."""
    expected, picture = {}, jpeg()
    for number in range(count):
        path = folder / f"{number // 100:03}" / f"{number:05}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        content = picture + str(number).encode()  # behind the end of a JPEG, where nobody looks
        path.write_bytes(content)
        key = PREFIX + path.relative_to(folder).as_posix()
        expected[key] = hashlib.md5(content, usedforsecurity=False).hexdigest()
    return expected


def begin(folder, emulator, *options):
    """Start the command in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "ops", "upload", str(folder), "--stage", "local", *options],
        cwd=PROJECT,
        env=os.environ | emulator.environ(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def interrupt(process, stage, *, more, number):
    """Send a signal when so many more objects are in the bucket; how it ended."""
    before = _told(stage)
    wait_until(lambda: _told(stage) >= before + more or process.poll() is not None, seconds=300)
    process.send_signal(number)
    return end(process)


def _told(stage):
    """How many uploads S3 has told of; to list them all again and again would slow the emulator down."""
    return depth_of(stage.client("sqs"), stage.queue_url).total


def end(process):
    """The exit code, and the last line of what was said."""
    _, said = process.communicate()
    return process.returncode, said.strip().rpartition("\n")[2]


def interrupted_again_and_again(stage, emulator, folder, *, files, interruptions, seed):
    """Upload in ``interruptions`` + 1 runs, each but the last stopped at a random moment."""
    rng, began = random.Random(seed), time.monotonic()
    expected, ends = make_files(folder, files), []
    for turn in range(interruptions):
        process = begin(folder, emulator)
        more = rng.randint(0, files // (interruptions + 1))
        ends.append(interrupt(process, stage, more=more, number=SIGNALS[turn % len(SIGNALS)]))
    ends.append(end(begin(folder, emulator)))
    exit_codes, words = zip(*ends, strict=True)
    return Result(expected, stored(stage), told_of(stage), exit_codes, time.monotonic() - began, words)


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--files", type=int, default=5000)
    options.add_argument("--interruptions", type=int, default=20)
    options.add_argument("--seed", type=int, default=0)
    asked = options.parse_args()
    with tempfile.TemporaryDirectory() as folder, bare_stage(Path(folder)) as (stage, emulator):
        result = interrupted_again_and_again(
            stage,
            emulator,
            Path(folder) / "photos",
            files=asked.files,
            interruptions=asked.interruptions,
            seed=asked.seed,
        )
    twice = {key: times for key, times in result.told_of.items() if times != 1}
    print(f"{asked.files} files, {asked.interruptions} interruptions (seed {asked.seed}), {result.seconds:.0f} s")
    print(f"all there: {result.stored == result.expected}; told of: {len(result.told_of)}; not just once: {twice}")
    for code, words in zip(result.exit_codes, result.words, strict=True):
        print(f"exit code {code}: {words}")
    return 0 if result.stored == result.expected and not twice else 1


if __name__ == "__main__":
    sys.exit(main())
