"""The real service goes into the stack and out of it, and no process stays behind, however it ends."""

import json
import os
import signal
import subprocess
import sys
import textwrap

import pytest

from bench import throughput
from ops.cli.start.events import receiving
from ops.errors import StackError
from ops.local.emulator import PROJECT
from ops.local.stack import LocalStack
from processing.ledger import Version
from tests.ops.local.conftest import FUNCTIONS, is_running, wait_until
from tests.ops.local.fake_node import fake_node


@pytest.fixture(scope="module")
def steps():
    """What the stack announced."""
    return []


@pytest.fixture(scope="module")
def stack(tmp_path_factory, steps):
    with LocalStack(PROJECT, work_dir=tmp_path_factory.mktemp("stack"), progress=steps.append) as stack:
        yield stack


def test_every_step_is_announced(stack, steps):
    assert [step for step in steps if step != "packaging the service"] == [
        "starting the emulator",
        "deploying the service",
        "starting the consumer",
    ]


def test_the_outputs_name_what_is_there(stack):
    for name in ("UploadsBucket", "VariantsBucket"):
        stack.client("s3").head_bucket(Bucket=stack.outputs[name])
    for name in ("UploadsQueueUrl", "UploadsDlqUrl"):
        stack.client("sqs").get_queue_attributes(QueueUrl=stack.outputs[name], AttributeNames=["All"])
    table = stack.client("dynamodb").describe_table(TableName=stack.outputs["ImagesTable"])["Table"]
    assert [key["AttributeName"] for key in table["KeySchema"]] == ["object", "etag"]


def test_uploads_below_the_prefix_are_notified(stack):
    answer = stack.client("s3").get_bucket_notification_configuration(Bucket=stack.outputs["UploadsBucket"])

    rules = [rule for entry in answer["QueueConfigurations"] for rule in entry["Filter"]["Key"]["FilterRules"]]
    assert {(rule["Name"].lower(), rule["Value"]) for rule in rules} == {("prefix", stack.outputs["UploadsPrefix"])}


def test_the_real_consumer_takes_a_message(stack):
    """S3 sends s3:TestEvent when notifications are set up; the consumer must acknowledge it."""
    wait_until(lambda: stack.player.counts.deleted >= 1)

    assert stack.player.counts.failures == 0


@pytest.mark.skipif(sys.platform != "linux", reason="the benchmark reads /proc")
def test_images_go_through_the_real_consumer_with_nothing_lost(stack):
    result = throughput.measure(stack, 12)

    assert (result.lost, result.dead_letters, result.variants) == (0, 0, 36)
    assert result.environments >= 1
    assert all(seconds > 0 for seconds in result.cpu_per_image_ms.values())
    assert "12 images" in throughput.table(result)


def test_the_end_of_an_image_is_an_event_by_the_deployed_announcer(stack):
    """After the benchmark, which stops at a dead letter."""
    bucket, key = stack.outputs["UploadsBucket"], f"{stack.outputs['UploadsPrefix']}events/no-image.jpg"
    with receiving(stack) as sink:
        etag = stack.client("s3").put_object(Bucket=bucket, Key=key, Body=b"no image")["ETag"].strip('"')
        assert sink is not None
        totals = sink.collect([Version(bucket, key, etag)])

    assert totals.missing == 0
    assert totals.types == {"Image Rejected": 1}
    assert stack.stream_player.counts.failures == 0


def test_a_stack_outside_its_block_has_no_player(tmp_path):
    with pytest.raises(StackError, match="with block"):
        _ = LocalStack(PROJECT, work_dir=tmp_path, progress=lambda _: None).player


def test_a_deployment_that_fails_leaves_no_emulator_behind(tmp_path, monkeypatch):
    node = fake_node(tmp_path / "project", "#!/bin/sh\necho no such thing\nexit 1\n")
    monkeypatch.setenv("PATH", f"{node}{os.pathsep}{os.environ['PATH']}")
    emulators = []

    def note(step):
        if "packaging" in step:
            emulators.append(failing.emulator_pid)

    failing = LocalStack(tmp_path / "project", work_dir=tmp_path, progress=note)

    with pytest.raises(StackError, match="no such thing"), failing:
        pass

    (emulator,) = emulators
    assert not is_running(emulator)


def run(script, **environ):
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)],
        cwd=PROJECT,
        env=os.environ | environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def interrupt(process):
    """What Ctrl-C in a terminal does: SIGINT for the whole foreground process group."""
    os.killpg(process.pid, signal.SIGINT)


def test_ctrl_c_during_the_deployment_ends_every_process(tmp_path):
    node = fake_node(tmp_path / "project", f"#!/bin/sh\nsleep 600 &\necho $$ $! > {tmp_path}/pids\nwait\n")
    process = run(
        f"""
        import pathlib
        from ops.local.stack import LocalStack
        stack = LocalStack(
            pathlib.Path({str(tmp_path / "project")!r}),
            work_dir=pathlib.Path({str(tmp_path)!r}),
            progress=lambda step: print(stack.emulator_pid, flush=True) if "packaging" in step else None,
        )
        with stack:
            pass
        """,
        PATH=f"{node}{os.pathsep}{os.environ['PATH']}",
    )
    with process:
        emulator = int(process.stdout.readline())
        wait_until(lambda: (tmp_path / "pids").exists() and (tmp_path / "pids").read_text().strip())
        interrupt(process)
        errors = process.communicate()[1]

    assert "KeyboardInterrupt" in errors
    for pid in (emulator, *map(int, (tmp_path / "pids").read_text().split())):
        wait_until(lambda pid=pid: not is_running(pid))


PLAYING = f"""
    import pathlib, sys, threading
    from ops.local.deployed import EventSourceMapping, Function
    from ops.local.emulator import Emulator
    from ops.local.player import Player
    from ops.local.program import Program
    from ops.local.stack import LocalStack

    class Playing(LocalStack):
        def _start(self):
            self.log_dir.mkdir(parents=True)
            self._emulator.start()
            url = self.client("sqs").create_queue(QueueName="q", Attributes={{"VisibilityTimeout": "60"}})["QueueUrl"]
            function = Function("function", "arn", "handlers.never_end", 50, 128, {{}})
            self._player = Player(
                self.client("sqs"),
                lambda: EventSourceMapping("arn:aws:sqs:eu-west-1:123456789012:q", "function"),
                lambda: Program(function, sys.executable, pathlib.Path({str(FUNCTIONS)!r}), ()),
                environ=self.environ(),
                log_dir=self.log_dir,
            )
            self._player.start()
            self.client("sqs").send_message(QueueUrl=url, MessageBody="x")

    with Playing(pathlib.Path("."), work_dir=pathlib.Path(sys.argv[1]), progress=print) as stack:
        print(stack.emulator_pid, flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            if sys.argv[2] != "ends":
                raise
            stack.end()
"""


@pytest.mark.parametrize(
    ("ending", "runner", "hung"),
    [
        pytest.param(signal.SIGINT, "breaks off", False, id="interrupted"),
        pytest.param(signal.SIGINT, "breaks off", True, id="interrupted-while-the-emulator-hangs"),
        pytest.param(signal.SIGINT, "ends", True, id="ended-while-the-emulator-hangs"),
        pytest.param(signal.SIGTERM, "breaks off", False, id="terminated"),
        pytest.param(signal.SIGKILL, "breaks off", False, id="killed"),
    ],
)
def test_however_the_runner_ends_no_process_stays_behind(tmp_path, ending, runner, hung):
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(PLAYING), str(tmp_path), runner],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    log = tmp_path / "logs" / "function-1.log"
    with process:
        assert process.stdout is not None
        emulator = int(process.stdout.readline())
        wait_until(lambda: log.exists() and log.read_text().endswith("\n"))
        environment = json.loads(log.read_text())["pid"]
        assert is_running(environment)
        if hung:
            os.kill(emulator, signal.SIGSTOP)
        os.killpg(process.pid, ending)
        process.wait(timeout=25)  # half the function timeout: the invocation is not waited for

    wait_until(lambda: not is_running(emulator))
    wait_until(lambda: not is_running(environment))
