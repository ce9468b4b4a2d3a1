"""One bug has one fingerprint, wherever it is met and whoever called."""

import io
import itertools
import logging
import os
import pickle
import random
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Collection
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import CodeType
from typing import Any, cast

import boto3
import pytest
from PIL import Image

import processing
from ops.cli.replay.running import ReplayLimits, ReplayTarget, replay
from ops.cli.stage import Stage
from processing import imaging
from processing.batch import Batch
from processing.concurrency import Backoff
from processing.errors import RenderBug
from processing.fingerprint import MAX_WHERE, PACKAGE, fingerprint_of, places_of, where
from processing.ledger import DynamoLedger
from processing.messages import Message
from processing.picture import Render, Rendered
from processing.recipe import Recipe, VariantSpec, load
from processing.sandbox import Children, MemoryBudget, Renderer, Renderers
from processing.sandbox.capacity import TimeBudget
from processing.storage.objects import SourceObject
from processing.worker import Worker
from tests.builders import UPLOADS, created_body
from tests.doubles import MemoryStore
from tests.memory_dynamodb import MemoryDynamoDB
from tests.processing.conftest import CODE, LEASE, Clock

KEY = "images/cat.jpg"
LIMITS = load("[variants.any]\nwidth = 1").limits
FAULTY = VariantSpec("phone", width=8, height=20, fit="pad", background=None)  # type: ignore[arg-type]
BUGGY = Recipe((FAULTY,), LIMITS)  # no recipe.toml says so: `steps.pad` has a bug, to all intents
BUGGY_HEADER = replace(BUGGY, limits=replace(LIMITS, max_pixels={}))  # here the header's check has one

Found = tuple[str, str]


def picture() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (16, 16), "teal").save(out, "JPEG")
    return out.getvalue()


def render_in_a_child(data: bytes, recipe: Recipe, only: Any = None) -> Rendered:
    child = Renderer(Children(recipe, environ=os.environ))
    with closing(Renderers([child], recipe, memory=MemoryBudget(400.0), budget=TimeBudget(30))) as renderers:
        return renderers.render(data, recipe, only)


def consume(
    render: Render, store: MemoryStore, caplog: pytest.LogCaptureFixture, recipe: Recipe = BUGGY
) -> tuple[Found, Found]:
    """What the consumer records of the one object that it is sent, and what it logs."""
    clock, tokens = Clock(), map(str, itertools.count())
    etag = store.upload(KEY, picture())
    table = MemoryDynamoDB()
    ledger = DynamoLedger(
        table,
        table="images",
        code_version=CODE,
        lease_seconds=LEASE,
        clock=clock,
        new_token=lambda: next(tokens),
    )
    backoff = Backoff(random.Random(1), clock.sleep)
    worker = Worker(
        store,
        ledger,
        render,
        recipe,
        UPLOADS,
        "images/",
        removals=True,
        request_seconds=20,
        backoff=backoff,
        clock=clock,
    )
    batch = Batch(worker.handle, Nowhere(), TimeBudget(30), 5, clock, random.Random(1))
    with caplog.at_level(logging.INFO, logger="darkroom"):
        batch.process([Message("m1", "handle", created_body(KEY, etag), 1)], seconds_left=lambda: 60)
    item = table.item(f"{UPLOADS}/{KEY}", etag)
    assert item is not None
    line = caplog.records[-1].data["reason"]  # type: ignore[attr-defined]
    return (item["reason"]["cause"], item["reason"]["fingerprint"]), (line["cause"], line["fingerprint"])


class Nowhere:
    def postpone(self, _: object) -> None:
        pass


def replayed(recipe: Recipe, limits: ReplayLimits | None) -> Found:
    """What a replay says of the same bytes."""
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket=UPLOADS)
    etag = s3.put_object(Bucket=UPLOADS, Key=KEY, Body=picture())["ETag"].strip('"')
    stage = Stage.of("local", "us-east-1", defaultdict(str, UploadsBucket=UPLOADS), lambda _: s3)
    made = replay(stage, ReplayTarget(KEY, etag, "as asked for"), recipe, limits)
    return made.cause, made.fingerprint


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize(("recipe", "kind"), [(BUGGY, "AttributeError"), (BUGGY_HEADER, "KeyError")])
def test_a_bug_has_one_fingerprint_in_the_consumer_in_its_children_and_in_a_replay(
    recipe: Recipe, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    in_process = consume(imaging.render, MemoryStore(), caplog, recipe)
    in_a_child = consume(render_in_a_child, MemoryStore(), caplog, recipe)
    replays = [replayed(recipe, None), replayed(recipe, ReplayLimits(1769, 30))]

    found = {*in_process, *in_a_child, *replays}
    assert len(found) == 1
    ((cause, fingerprint),) = found
    assert (cause, len(fingerprint)) == (kind, 8)


def test_a_bug_in_the_story_itself_has_one_fingerprint_in_the_record_and_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def incomplete(data: bytes, recipe: Recipe, only: Collection[str] | None = None) -> Rendered:
        return cast(Rendered, None)  # a bug that no type check found: the worker wants to know how long it took

    recorded, logged = consume(incomplete, MemoryStore(), caplog)

    assert recorded == logged
    assert recorded[0] == "AttributeError"


def test_a_bug_in_fetching_is_not_the_same_as_one_in_rendering(caplog: pytest.LogCaptureFixture) -> None:
    class Buggy(MemoryStore):
        def fetch(self, *_: object, **__: object) -> SourceObject:
            raise AttributeError("opaque")

    assert consume(imaging.render, Buggy(), caplog)[0] != consume(imaging.render, MemoryStore(), caplog)[0]


SCRIPT = """
import io, pickle, sys
from processing import imaging
from processing.fingerprint import PACKAGE, fingerprint_of
recipe, data = pickle.load(sys.stdin.buffer)
try:
    imaging.render(data, recipe)
except AttributeError as bug:
    print(PACKAGE, fingerprint_of(bug))
"""


def test_a_fingerprint_does_not_depend_on_where_the_package_lies(tmp_path: Path) -> None:
    shutil.copytree(Path(processing.__file__).parent, tmp_path / "processing")
    environ = {**os.environ, "PYTHONPATH": str(tmp_path)}
    said = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        input=pickle.dumps((BUGGY, picture())),
        env=environ,
        cwd=tmp_path,
        capture_output=True,
        check=True,
    )
    with pytest.raises(AttributeError) as bug:
        imaging.render(picture(), BUGGY)

    assert said.stdout.decode().split() == [str(tmp_path / "processing"), fingerprint_of(bug.value)]


def raised(*frames: tuple[str, str]) -> BaseException:
    """A bug that came through these frames, each the path of a file and the name of a function."""
    namespace: dict[str, Any] = {"call": lambda: 1 / 0}
    for path, name in reversed(frames):
        namespace = {"inner": namespace["call"]}
        code = compile("def call():\n    inner()", path, "exec")
        exec(code.replace(co_consts=tuple(_renamed(const, name) for const in code.co_consts)), namespace)
    with pytest.raises(ZeroDivisionError) as bug:
        namespace["call"]()
    return bug.value


def _renamed(const: object, name: str) -> object:
    return const.replace(co_name=name) if isinstance(const, CodeType) else const


def ours(path: str) -> str:
    return os.path.join(PACKAGE, path)


STEPS = (ours("imaging/steps.py"), "crop")


def test_frames_are_named_by_their_path_in_the_package_and_no_others_count() -> None:
    bug = raised(("/usr/lib/python3.13/contextlib.py", "__exit__"), STEPS, ("/site-packages/PIL/Image.py", "crop"))

    assert places_of(bug) == ["processing/imaging/steps.py:crop"]


@pytest.mark.parametrize(
    "caller", ["batch.py", "messages.py", "worker.py", "publisher.py", "concurrency.py", "sandbox/fork_server.py"]
)
def test_who_called_does_not_count(caller: str) -> None:
    assert fingerprint_of(raised((ours(caller), "anything"), STEPS)) == fingerprint_of(raised(STEPS))


def test_a_comprehension_is_no_frame_of_its_own_whatever_python_makes_of_it() -> None:
    assert places_of(raised(STEPS, (ours("imaging/steps.py"), "<listcomp>"))) == places_of(raised(STEPS))


@pytest.mark.parametrize(
    "other", [(ours("imaging/steps.py"), "pad"), (ours("imaging/palette.py"), "crop"), (ours("store.py"), "crop")]
)
def test_another_place_is_another_bug(other: Found) -> None:
    assert fingerprint_of(raised(other)) != fingerprint_of(raised(STEPS))


def test_a_bug_of_a_caller_has_the_place_where_it_is() -> None:
    one, other = raised((ours("worker.py"), "_record")), raised((ours("worker.py"), "_publish"))

    assert fingerprint_of(one) != fingerprint_of(other)


def test_the_frames_of_a_child_come_behind_those_that_received_them() -> None:
    def met(*frames: str) -> str:
        return fingerprint_of(RenderBug("ZeroDivisionError", "division by zero", frames, "Traceback ..."))

    here = fingerprint_of(raised(STEPS))
    assert met("processing/sandbox/fork_server.py:_work:7", "processing/imaging/steps.py:crop:41") == here
    assert met("processing/imaging/steps.py:crop:52") == here  # a line that was moved is no other bug
    assert met("processing/imaging/steps.py:pad:41") != here


def test_where_a_bug_is_are_its_last_frames_in_this_code_innermost_first() -> None:
    frames = [f"processing/imaging/{name}:{line}" for name, line in (("a.py:run", 1), ("b.py:go", 2), ("c.py:crop", 3))]

    assert where(RenderBug("X", "x", frames, "")) == "imaging/c.py:3 crop < imaging/b.py:2 go < imaging/a.py:1 run"
    assert where(RenderBug("X", "x", [f"processing/{'f' * 100}.py:crop:{n}" for n in range(3)], "")).count("<") == 0
    assert where(RenderBug("X", "x", [f"processing/{'f' * MAX_WHERE}.py:crop:1"], "")) == ""
    assert where(ValueError("of no frame of ours")) == ""
