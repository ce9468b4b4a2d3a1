"""Each compared consumer makes every variant, and reports a broken image as its kind does."""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from bench.pipeline import originals
from bench.pipeline.beside import export
from bench.pipeline.doubles import Doubles
from bench.pipeline.measure import Batches, Consumer, Run
from bench.pipeline.originals import BATCHES
from bench.pipeline.peaks import peak
from bench.runner import PROJECT
from tests.corpus.samples import jpeg

NEEDS_POWERTOOLS = pytest.mark.skipif(
    find_spec("aws_lambda_powertools") is None,
    reason="the usual consumer is made with Powertools: pip install -r ops/build/locks/bench.txt",
)
USUAL = pytest.param("usual", marks=NEEDS_POWERTOOLS)

PICTURES = {"good/0": jpeg(), "bad/0": b"no picture at all"}
GOOD, BAD = (originals.key_of(name, 1) for name in PICTURES)


@pytest.fixture
def doubles(tmp_path: Path) -> Iterator[Doubles]:
    with Doubles({**PICTURES, "tiny/0": PICTURES["good/0"]}, tmp_path) as doubles:
        yield doubles


def process(way: str, doubles: Doubles, folder: Path, *keys: str, code: Path = PROJECT) -> Run:
    event = originals.event({key: len(PICTURES[originals.original_of(key)]) for key in keys})
    with Consumer(way, doubles, folder, code) as consumer:
        return consumer.run(event)


@pytest.mark.parametrize("way", ["darkroom", USUAL, "naive", "threads"])
def test_every_consumer_fetches_an_image_once_and_writes_its_three_variants(
    way: str, doubles: Doubles, tmp_path: Path
) -> None:
    run = process(way, doubles, tmp_path, GOOD)

    assert (run.failed, run.error) == ([], "")
    assert (run.requests["S3 GetObject"], run.requests["S3 PutObject"]) == (1, 3)
    assert len(doubles.items) == 1


@pytest.mark.parametrize("way", ["darkroom", USUAL])
def test_a_broken_image_fails_alone_where_batches_are_handled(way: str, doubles: Doubles, tmp_path: Path) -> None:
    run = process(way, doubles, tmp_path, BAD, GOOD)

    assert (run.failed, run.error) == ([BAD], "")
    assert run.requests["S3 PutObject"] == 3


@pytest.mark.parametrize("way", ["naive", "threads"])
def test_a_broken_image_fails_the_whole_batch_of_a_naive_consumer(way: str, doubles: Doubles, tmp_path: Path) -> None:
    run = process(way, doubles, tmp_path, BAD, GOOD)

    assert run.error.startswith("UnsupportedFormat")


def test_batches_have_the_size_of_their_consumer_and_no_key_comes_twice(doubles: Doubles, tmp_path: Path) -> None:
    with Consumer("naive", doubles, tmp_path, batch=2) as two, Consumer("naive", doubles, tmp_path, batch=3) as three:
        batches = Batches({"two": two, "three": three}, doubles, dict.fromkeys(BATCHES["tiny"], PICTURES["good/0"]))
        rounds = list(batches.rounds("tiny", latency=0.0, count=1))

    assert [(run.images, run.requests["S3 GetObject"]) for run in rounds[0].values()] == [(2, 2), (3, 3)]
    assert len(doubles.items) == 2 * (2 + 3)  # the round that warms up, too


def test_a_peak_is_of_the_consumer_and_of_its_children(doubles: Doubles, tmp_path: Path) -> None:
    pictures = dict.fromkeys(BATCHES["tiny"], PICTURES["good/0"])

    ours, naive = (peak(way, 1, "tiny", doubles, pictures, tmp_path, latency=0.0) for way in ("darkroom", "naive"))

    assert ours > naive > 20


def test_our_consumer_records_the_outcome_of_each_image(doubles: Doubles, tmp_path: Path) -> None:
    process("darkroom", doubles, tmp_path, BAD, GOOD)

    found = {item["object"]["S"]: item["status"]["S"] for item in doubles.items.values()}
    assert found == {f"uploads/{BAD}": "REJECTED", f"uploads/{GOOD}": "DONE"}
    assert doubles.postponed == [f"handle of {BAD}"]


def test_the_engine_alone_sends_no_request(doubles: Doubles, tmp_path: Path) -> None:
    (tmp_path / "good").mkdir()
    (tmp_path / "good" / "0").write_bytes(PICTURES["good/0"])

    run = process("engine", doubles, tmp_path, GOOD)

    assert run.requests == {}
    assert run.cpu > 0


def test_a_consumer_of_another_commit_runs_its_own_code(doubles: Doubles, tmp_path: Path) -> None:
    code = tmp_path / "code"
    export("HEAD", code)
    (code / "handlers" / "consumer.py").write_text("def handler(*_):\n    raise RuntimeError('of the other commit')\n")

    assert "of the other commit" in process("beside", doubles, tmp_path, GOOD, code=code).error
    assert process("darkroom", doubles, tmp_path, GOOD).error == ""
