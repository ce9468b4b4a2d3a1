"""The package that is deployed, under AWS's own runtime client, in a sandbox like Lambda's.

Python 3.13, its runtime's boto3, a user without rights, code that cannot be written to, no /dev/shm, 1,024 processes,
and a freeze between two batches, which DARKROOM_FREEZE_SECONDS makes longer.
"""

import io
import json
import os
import subprocess
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

import pytest
import requests
from PIL import Image

from ops.build.bytecode import LAMBDA_VERSION, find_python
from ops.build.locks import lines
from ops.local.deployed import EventSourceMapping, failed_messages
from ops.local.packages import installed
from ops.local.poller import Poller, Record
from ops.local.program import Program
from ops.local.serve.events import HttpRequest, HttpResponse
from ops.local.serve.gateway import Gateway, draw_api_key
from ops.local.serve.routes import Routes
from ops.local.stack import LocalStack
from tests.conftest import ROOT
from tests.service.lambda_sandbox import IS_ROOT, NOBODY, PROCESSES, TASK, Runtime, Sandbox, family, running

FREEZE_SECONDS = float(os.environ.get("DARKROOM_FREEZE_SECONDS", "10"))
SECONDS = 60.0
VARIANTS = ("desktop", "tablet", "phone")


@pytest.fixture(scope="module")
def python() -> str:
    found = find_python(LAMBDA_VERSION)
    if found is None:
        pytest.skip(f"THE PACKAGE IS NOT RUN AS ON LAMBDA: no Python {LAMBDA_VERSION} was found: install it with pyenv")
    return found


def mapping_of(stack: LocalStack) -> dict[str, Any]:
    """The consumer's event source mapping; other tests may have made some of their own."""
    listed = stack.client("lambda").list_event_source_mappings()["EventSourceMappings"]
    (mapping,) = [each for each in listed if each["FunctionArn"].endswith(f":{stack.outputs['ConsumerFunction']}")]
    return dict(mapping)


@pytest.fixture(scope="module")
def stack(python: str, stack: LocalStack) -> Iterator[LocalStack]:
    """The shared one, whose consumer leaves the queue to these tests."""
    aws_lambda = stack.client("lambda")
    mapping = mapping_of(stack)
    aws_lambda.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    wait_until(lambda: stack.player.paused)
    yield stack
    aws_lambda.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)
    wait_until(lambda: not stack.player.paused)


@pytest.fixture(scope="module")
def consumer_program(stack: LocalStack) -> Program:
    return stack.function("ConsumerFunction")()


@pytest.fixture(scope="module")
def sandbox(python: str, consumer_program: Program) -> Sandbox:
    runtime = installed(lines("lambda-client"), python=python, version=LAMBDA_VERSION, cache=ROOT / ".cache" / "local")
    asked = [python, "-c", "import sys; print(sys.base_prefix)"]
    prefix = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    sandbox = Sandbox(consumer_program.code, Path(prefix), runtime)
    if reason := sandbox.missing():
        pytest.skip(f"THE PACKAGE IS NOT RUN AS ON LAMBDA: no sandbox can be made: {reason}")
    return sandbox


@pytest.fixture(scope="module")
def start(stack: LocalStack, sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Program], Any]:
    def started(program: Program) -> Any:
        function, log = program.function, tmp_path_factory.mktemp("runtime") / "log"
        environ = {**stack.environ(), **function.environment}
        return running(sandbox, function.handler, environ, memory=function.memory, timeout=function.timeout, log=log)

    return started


@pytest.fixture(scope="module")
def consumer(start: Callable[[Program], Any], consumer_program: Program) -> Iterator[Runtime]:
    with start(consumer_program) as runtime:
        yield runtime


@pytest.fixture(scope="module")
def api(stack: LocalStack, start: Callable[[Program], Any]) -> Iterator[Gateway]:
    with start(stack.function("ApiFunction")()) as runtime:
        yield Gateway(Routes.of(stack.template.content), runtime.invoke, pytest.fail, draw_api_key())


class Uploads:
    """The stack's uploads, and the queue with their events."""

    def __init__(self, stack: LocalStack) -> None:
        self.stack = stack
        self.queue_url = stack.outputs["UploadsQueueUrl"]
        mapping = EventSourceMapping.from_api(mapping_of(stack))
        self._poller = Poller(stack.client("sqs"), self.queue_url, mapping, stopping=lambda: False)

    def put(self, data: bytes) -> str:
        key = f"{self.stack.outputs['UploadsPrefix']}runtime/{uuid.uuid4().hex}.jpg"
        self.stack.client("s3").put_object(Bucket=self.stack.outputs["UploadsBucket"], Key=key, Body=data)
        return key

    def process(self, consumer: Runtime, keys: Iterable[str]) -> list[str]:
        """Have the consumer process the messages of these keys, in batches as the mapping makes them.

        Returns:
            The keys of those that failed; they are deleted all the same, or they would come again in another test.
        """
        waiting, failed, deadline = set(keys), list[str](), time.monotonic() + SECONDS
        while waiting:
            assert time.monotonic() < deadline, f"no message of {waiting} came"
            batch = self._poller.next_batch()
            answer = consumer.invoke({"Records": batch}) if batch else None
            ids = failed_messages(answer, {record["messageId"] for record in batch})
            failed += [key_of(record) for record in batch if record["messageId"] in ids]
            waiting -= {key_of(record) for record in batch}
            for record in batch:
                self.stack.client("sqs").delete_message(QueueUrl=self.queue_url, ReceiptHandle=record["receiptHandle"])
        return failed

    def variants(self, key: str) -> list[str]:
        name = key.removeprefix(self.stack.outputs["UploadsPrefix"])
        bucket = self.stack.outputs["VariantsBucket"]
        listed = [
            self.stack.client("s3").list_objects_v2(Bucket=bucket, Prefix=f"{variant}/{name}").get("Contents", [])
            for variant in VARIANTS
        ]
        return [entry["Key"] for entries in listed for entry in entries]


def key_of(record: Record) -> str:
    """Of the object that a message is about; S3's test event has none."""
    event = json.loads(record["body"])
    return unquote_plus(event["Records"][0]["s3"]["object"]["key"]) if "Records" in event else ""


@pytest.fixture(scope="module")
def uploads(stack: LocalStack) -> Uploads:
    return Uploads(stack)


def wait_until(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def photo(width: int, height: int, **options: Any) -> bytes:
    """With some detail, and no other like it."""
    out = io.BytesIO()
    noise = Image.frombytes("RGB", (64, 48), os.urandom(64 * 48 * 3))
    noise.resize((width, height)).save(out, "JPEG", quality=90, **options)
    return out.getvalue()


def test_the_sandbox_is_as_strict_as_lambda(sandbox: Sandbox) -> None:
    """Or the tests below would show nothing."""
    script = """
import json, multiprocessing, os, resource, sys
def fails(action):
    try: action()
    except OSError: return True
print(json.dumps({
    "uid": os.getuid(), "version": sys.version[:4], "processes": resource.getrlimit(resource.RLIMIT_NPROC),
    "write": fails(lambda: open("new", "w")), "shm": fails(lambda: open("/dev/shm/new", "w")),
    "semaphore": fails(multiprocessing.Lock), "kill": fails(lambda: os.kill(1, 0)),
}))
"""
    run = subprocess.run(sandbox.command("-c", script), env=sandbox.environ, capture_output=True, text=True, check=True)

    assert json.loads(run.stdout) == {
        "uid": NOBODY,
        "version": "3.13",
        "processes": [PROCESSES, PROCESSES],
        "write": True,
        "shm": True,
        "semaphore": True,
        "kill": True,
    }


def test_the_consumer_makes_the_variants_of_a_batch_of_heavy_photos(consumer: Runtime, uploads: Uploads) -> None:
    sizes = [(4000, 3000)] * 4 + [(8000, 6000)]
    keys = [uploads.put(photo(*size)) for size in sizes]

    failed = uploads.process(consumer, keys)

    assert failed == []
    assert {key: len(uploads.variants(key)) for key in keys} == dict.fromkeys(keys, 3)


def test_what_is_no_picture_fails_alone(consumer: Runtime, uploads: Uploads) -> None:
    good, bad = uploads.put(photo(640, 480)), uploads.put(photo(640, 480)[:-500])

    failed = uploads.process(consumer, [good, bad])

    assert failed == [bad]
    assert len(uploads.variants(good)) == 3


def test_the_renderers_run_from_the_package_too(consumer: Runtime) -> None:
    """Two children each: a fork server, and its renderer."""
    processes = [Path(f"/proc/{pid}") for pid in family(consumer.pid)]

    assert len(processes) == 3
    for process in processes:
        status = dict(line.split(":\t", 1) for line in (process / "status").read_text().splitlines() if ":\t" in line)
        assert status["Uid"].split() == [str(NOBODY if IS_ROOT else os.getuid())] * 4  # as seen from here
        libraries = {line.split()[-1] for line in (process / "maps").read_text().splitlines() if ".so" in line}
        assert not [path for path in libraries if "/PIL/" in path and not path.startswith(f"{TASK}/")]
        assert not [path for path in libraries if ".venv" in path]


def test_a_frozen_environment_goes_on_with_the_next_batch(consumer: Runtime, uploads: Uploads) -> None:
    before = family(consumer.pid)
    consumer.freeze(FREEZE_SECONDS)
    keys = [uploads.put(photo(1600, 1200)) for _ in range(3)]

    failed = uploads.process(consumer, keys)

    assert failed == []
    assert {key: len(uploads.variants(key)) for key in keys} == dict.fromkeys(keys, 3)
    assert family(consumer.pid) == before  # nothing had to be started anew


def test_the_api_answers_and_what_it_takes_becomes_variants(api: Gateway, consumer: Runtime, uploads: Uploads) -> None:
    def ask(method: str, path: str, body: bytes = b"") -> HttpResponse:
        headers = [("x-api-key", api.api_key), ("Content-Type", "application/json"), ("Host", "127.0.0.1")]
        return api.answer(HttpRequest(method, path, headers, body))

    data = photo(800, 600)
    order = {"files": [{"name": "sea.jpg", "content_type": "image/jpeg", "size": len(data)}]}
    (given,) = json.loads(ask("POST", "/uploads", json.dumps(order).encode()).body)["uploads"]
    form = given["upload"]
    requests.post(form["url"], data=form["fields"], files={"file": ("sea.jpg", data)}, timeout=10).raise_for_status()
    assert uploads.process(consumer, [form["fields"]["key"]]) == []

    image = json.loads(ask("GET", given["location"]).body)

    assert (image["status"], len(image["variants"])) == ("done", 3)
    page = ask("GET", "/")
    assert (page.status, dict(page.headers)["Content-Type"].split(";")[0]) == (200, "text/html")
