"""How a function starts: in a sandbox or without, and what keeps it from starting is named in one line of its log."""

import errno
import gc
import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import botocore
import pytest

from handlers import api, bootstrap, consumer, rendering, runtime
from handlers.startup import starting
from processing import imaging
from processing.errors import Misconfigured, SandboxUnavailable
from processing.sandbox import Children, Renderers
from processing.sandbox.in_process import InProcess
from tests.handlers.test_bootstrap import ENVIRONMENT, KEY, Stage, build, lines, moto
from tests.handlers.test_consumer import Context, jpeg
from tests.sandbox.conftest import HOSTILE, family, spelled
from tests.sandbox.test_start import REFUSING

__all__ = ["build", "moto"]
ROOT = Path(__file__).parents[2]
Build = Callable[..., Stage]


@pytest.fixture
def refused(build: Build, monkeypatch: pytest.MonkeyPatch) -> Build:
    """Builds the consumer where its fork servers are refused something."""
    monkeypatch.setattr(rendering, "Children", partial(Children, fork_server=REFUSING))

    def start(what: str, **changes: str) -> Stage:
        return build(MALLOC_REFUSED=what, **changes)

    return start


def errors_in(told: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [line for line in told if line.get("level") == "ERROR"]


def unavailable(told: list[dict[str, Any]]) -> list[tuple[str, int]]:
    """The function and the count of each metric of a missing sandbox."""
    found = [line for line in told if "SandboxUnavailable" in line]
    for line in found:
        (group,) = line["_aws"]["CloudWatchMetrics"]
        assert group["Dimensions"] == [["Function"]]
        assert group["Metrics"] == [{"Name": "SandboxUnavailable", "Unit": "Count"}]
    return [(line["Function"], sum(line["SandboxUnavailable"])) for line in found]


@pytest.mark.parametrize("what", ["fork", "exit", "RLIMIT_AS"])
def test_without_a_sandbox_images_are_rendered_all_the_same_with_one_error_line_and_a_metric(
    refused: Build, capfd: pytest.CaptureFixture[str], what: str
) -> None:
    on = refused(what)
    at_start = lines_of(capfd)

    assert on.deliver(on.upload())
    assert on.deliver(on.upload("incoming/dog.jpg"))

    shown = on.s3.get_object(Bucket="holiday-variants", Key="phone/cat.jpg")["Body"].read()
    expected = imaging.render(jpeg(), on.worker.recipe, ["phone"])
    assert shown == expected.variants[0].data
    (error,) = errors_in(at_start)
    assert (error["cause"], error["errno"]) == ("SandboxUnavailable", errno.EAGAIN if what == "fork" else None)
    assert "rendering=sandbox-only" in error["remedy"]
    assert unavailable(at_start) == [("holiday-consumer", 1)]
    later = lines_of(capfd)
    assert errors_in(later) == []
    assert unavailable(later) == [("holiday-consumer", 1)] * 2, "with each batch, so that the alarm stays on"


def lines_of(capfd: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capfd.readouterr().out.splitlines()]


def test_without_a_sandbox_no_child_is_left(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Children] = []

    def start(*args: Any, **settings: Any) -> Children:
        made.append(Children(*args, **settings, fork_server=REFUSING))
        return made[-1]

    monkeypatch.setattr(rendering, "Children", start)
    build(MALLOC_REFUSED="/proc")

    assert [children._process.poll() is None for children in made] == [False, False]


def test_an_engine_that_does_not_work_in_this_process_is_found_out_at_the_start(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stumble(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(imaging, "render", stumble)

    with pytest.raises(ZeroDivisionError):
        build(RENDERING="in-process")


def test_a_system_that_refuses_memory_files_leads_into_this_process(
    build: Build, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    monkeypatch.setattr(os, "memfd_create", refuse)
    on = build()

    assert on.deliver(on.upload())
    told = lines(capsys)
    assert [error["errno"] for error in errors_in(told)] == [errno.ENOSYS]
    assert len(unavailable(told)) == 2


@pytest.mark.parametrize(
    ("what", "setting"), [("fork", "sandbox-only"), ("exit", "sandbox-only"), ("crash", "sandbox")]
)
def test_after_a_crash_or_by_choice_the_function_does_not_start_without_a_sandbox(
    refused: Build, capfd: pytest.CaptureFixture[str], what: str, setting: str
) -> None:
    with pytest.raises(SandboxUnavailable):
        refused(what, RENDERING=setting)

    assert unavailable(lines_of(capfd)) == []


@pytest.mark.parametrize("setting", ["sandbox", "sandbox-only"])
def test_where_children_work_there_is_no_error_and_no_metric(
    build: Build, capsys: pytest.CaptureFixture[str], setting: str
) -> None:
    on = build(RENDERING=setting)

    assert isinstance(on.worker.render.__self__, Renderers)
    assert on.deliver(on.upload())
    told = lines(capsys)
    assert (errors_in(told), unavailable(told)) == ([], [])


def test_in_process_by_choice_there_is_no_error_no_metric_and_no_child(
    refused: Build, capsys: pytest.CaptureFixture[str]
) -> None:
    on = refused("crash", RENDERING="in-process")

    assert isinstance(on.worker.render.__self__, InProcess)
    assert on.deliver(on.upload())
    told = lines(capsys)
    assert (errors_in(told), unavailable(told)) == ([], [])


def test_after_the_start_neither_a_crash_nor_a_killed_fork_server_leads_into_this_process(
    build: Build, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(rendering, "Children", partial(Children, fork_server=HOSTILE))
    on = build(AWS_LAMBDA_FUNCTION_MEMORY_SIZE="1769")
    on.s3.put_object(Bucket="holiday-originals", Key="incoming/bad.jpg", Body=spelled("crash"))
    bad = on.s3.head_object(Bucket="holiday-originals", Key="incoming/bad.jpg")["ETag"].strip('"')
    body = on.upload().replace("cat.jpg", "bad.jpg").replace(etag_of(on), bad)

    assert not on.deliver(body)
    (renderer,) = on.worker.render.__self__._renderers
    for pid in reversed(family(renderer)):
        os.kill(pid, 9)
    assert on.deliver(on.upload())

    assert on.item("bad.jpg")["reason"]["cause"] == "RenderCrash"
    assert isinstance(on.worker.render.__self__, Renderers)
    assert unavailable(lines(capsys)) == []


def etag_of(on: Stage) -> str:
    return str(on.s3.head_object(Bucket="holiday-originals", Key=KEY)["ETag"]).strip('"')


def test_the_first_line_says_what_the_function_runs_on(build: Build, capsys: pytest.CaptureFixture[str]) -> None:
    build(LOG_LEVEL="INFO")

    (line,) = lines(capsys)
    assert line["message"] == "started"
    assert (line["rendering"], line["code_version"]) == ("sandbox", "c0ffee")
    assert line["libc"] == os.confstr("CS_GNU_LIBC_VERSION")
    assert line["kernel"] == os.uname().release
    assert {"python", "botocore", "machine", "start_ms"} <= line.keys()


# What keeps a function from starting


@pytest.fixture
def quiet() -> Iterator[None]:
    """The log as it is before anything has been configured."""
    log = logging.getLogger("darkroom")
    before = (log.handlers, log.propagate, log.level)
    log.handlers, log.propagate = [], True
    for made in (consumer.consumer, api.api):
        made.cache_clear()
    yield
    for made in (consumer.consumer, api.api):
        made.cache_clear()
    log.handlers, log.propagate, log.level = before


CONSUMER = ENVIRONMENT | {"QUEUE_URL": "http://127.0.0.1/queue", "RENDERING": "in-process"}


@pytest.fixture
def settings(quiet: None, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name, value in CONSUMER.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def invoke() -> None:
    consumer.handler({"Records": []}, Context())


def test_settings_at_fault_are_named_each(settings: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    settings.setenv("TRY_SECONDS", "soon")
    settings.delenv("UPLOADS_BUCKET")

    with pytest.raises(Misconfigured):
        invoke()

    (line,) = lines(capsys)
    assert (line["level"], line["message"], line["cause"]) == ("ERROR", "the function cannot start", "Misconfigured")
    assert line["faults"] == ["UPLOADS_BUCKET: is not set", "TRY_SECONDS: 'soon' is not a number"]
    assert "deploy" in line["remedy"]
    assert "Traceback" in line["traceback"]


def test_a_recipe_that_does_not_load_is_named(
    settings: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "recipe.toml").write_text("[variants.a]\nwidth = 0\n")
    settings.setattr(bootstrap, "RECIPE", tmp_path / "recipe.toml")

    with pytest.raises(Misconfigured):
        invoke()

    (line,) = lines(capsys)
    assert any("width" in fault for fault in line["faults"])


def test_a_botocore_that_is_too_old_is_named_before_a_client_is_made(
    settings: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.setattr(botocore, "__version__", "1.35.99")
    settings.setattr(bootstrap, "make_clients", None)

    with pytest.raises(Misconfigured):
        invoke()

    (line,) = lines(capsys)
    assert line["faults"][0].startswith("botocore: is 1.35.99; 1.36.0 is needed: put boto3 into requirements-base.txt")


@pytest.mark.parametrize("version", ["1.36.0", "1.40.76", "2.0.0rc1"])
def test_a_botocore_that_is_new_enough_is_taken(version: str) -> None:
    runtime.check_botocore(version)


def test_a_botocore_without_a_condition_that_is_needed_is_named(
    settings: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.setattr(runtime, "PARAMETERS", {("s3", "PutObject"): ("IfMatch", "IfTheMoonIsFull")})

    with pytest.raises(Misconfigured):
        invoke()

    (line,) = lines(capsys)
    (fault,) = line["faults"]
    assert f"{botocore.__version__} has no IfTheMoonIsFull for s3:PutObject" in fault


def test_every_condition_that_the_code_sends_is_looked_for() -> None:
    sent = {
        ("s3", "GetObject", "IfMatch"),
        ("s3", "PutObject", "IfMatch"),
        ("s3", "PutObject", "IfNoneMatch"),
        ("s3", "DeleteObject", "IfMatch"),
        ("dynamodb", "UpdateItem", "ReturnValuesOnConditionCheckFailure"),
    }

    assert {(*at, name) for at, names in runtime.PARAMETERS.items() for name in names} == sent
    code = "\n".join(path.read_text("utf-8") for path in (ROOT / "processing").rglob("*.py"))
    assert all(name in code for *_, name in sent)


def test_a_missing_sandbox_is_named(settings: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    settings.setattr(rendering, "Children", partial(Children, fork_server=REFUSING))
    settings.setenv("RENDERING", "sandbox-only")
    settings.setenv("MALLOC_REFUSED", "fork")

    with pytest.raises(SandboxUnavailable):
        invoke()

    (line,) = lines_of(capfd)
    assert line["cause"] == "SandboxUnavailable"
    assert line["why"] == "no child process: BlockingIOError: [Errno 11] fork: Resource temporarily unavailable"
    assert "rendering=sandbox " in line["remedy"]


@pytest.mark.parametrize("fault", [None, ValueError], ids=["starts", "fails"])
def test_garbage_is_collected_again_once_a_function_has_started_or_failed(quiet: None, fault: type | None) -> None:
    collecting = []

    with suppress(ValueError), starting():
        collecting.append(gc.isenabled())
        if fault:
            raise fault

    assert [*collecting, gc.isenabled()] == [False, True]


def test_whatever_else_keeps_a_function_from_starting_is_named(quiet: None, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ZeroDivisionError), starting():
        _ = 1 / 0

    (line,) = lines(capsys)
    assert (line["cause"], line["why"]) == ("ZeroDivisionError", "division by zero")
    assert "deploy what worked before" in line["remedy"].lower()


def test_the_api_names_what_keeps_it_from_starting_too(
    quiet: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("UPLOADS_BUCKET", raising=False)

    with pytest.raises(Misconfigured):
        api.handler({}, None)

    (line,) = lines(capsys)
    assert "UPLOADS_BUCKET: is not set" in line["faults"]


def test_an_engine_for_another_processor_is_named(tmp_path: Path) -> None:
    """Neither a child nor this process can load it: the child's failure must not hide the reason."""
    (tmp_path / "PIL").mkdir()
    (tmp_path / "PIL" / "__init__.py").write_text('raise ImportError("_imaging.so: wrong ELF class")')
    env = {**os.environ, **CONSUMER, "RENDERING": "sandbox", "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}

    run = subprocess.run(
        [sys.executable, "-c", "from handlers import consumer; consumer.consumer()"],
        env=env, cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip

    (line,) = map(json.loads, run.stdout.splitlines())
    assert run.returncode != 0
    assert (line["cause"], line["why"]) == ("ImportError", "_imaging.so: wrong ELF class")
    assert "architecture" in line["remedy"]


def test_a_function_that_could_not_start_tries_again_at_the_next_invocation(settings: pytest.MonkeyPatch) -> None:
    settings.setenv("TRY_SECONDS", "soon")
    with pytest.raises(Misconfigured):
        invoke()
    settings.setenv("TRY_SECONDS", "12")

    invoke()
