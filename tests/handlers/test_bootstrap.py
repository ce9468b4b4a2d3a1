"""What the composition root makes of each variable of the function's environment, looked at in what it does."""

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import boto3
import pytest

from handlers import bootstrap
from processing.batch import Batch
from processing.errors import NotStarted
from processing.ledger import Claim, Delivery, Version
from processing.messages import Message
from processing.sandbox import Renderers
from processing.sandbox.capacity import capacity
from processing.sandbox.in_process import InProcess
from processing.settings import Settings
from tests.builders import created_body, removed_body, s3_body, s3_record
from tests.handlers.test_consumer import jpeg
from tests.moto_server import MotoServer, serving

MEMORY = 3538  # megabytes: two renderers
BOTO3 = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_DEFAULT_REGION": "us-east-1"}
ENVIRONMENT = BOTO3 | {
    "UPLOADS_BUCKET": "holiday-originals",
    "UPLOADS_PREFIX": "incoming/",
    "VARIANTS_BUCKET": "holiday-variants",
    "IMAGES_TABLE": "records",
    "MAX_RECEIVE_COUNT": "3",
    "FUNCTION_TIMEOUT": "50",
    "TRY_SECONDS": "12",
    "LEASE_SECONDS": "77",
    "REMOVALS": "true",
    "CODE_VERSION": "c0ffee",
    "LOG_LEVEL": "WARNING",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(MEMORY),
    "CPUS": "",
    "AWS_LAMBDA_FUNCTION_NAME": "holiday-consumer",
    "RENDERING": "sandbox",
    "TRACING": "false",
}
KEY = "incoming/cat.jpg"


class Stage:
    """Buckets, table and queue of the environment, and the consumer that was built from it."""

    def __init__(self, consumer: Batch, environ: dict[str, str]) -> None:
        self.consumer = consumer
        self.environ = environ
        self.worker: Any = consumer.handle.__self__  # type: ignore[attr-defined]
        self.s3 = boto3.client("s3")
        self._numbers = count(1)

    def upload(self, key: str = KEY) -> str:
        answer = self.s3.put_object(Bucket="holiday-originals", Key=key, Body=jpeg())
        return created_body(key, answer["ETag"].strip('"')).replace('"uploads"', '"holiday-originals"')

    def deliver(self, body: str, *, receive: int = 1, seconds: float = 50, handle: str = "") -> bool:
        """Whether the message was acknowledged."""
        message = Message(f"m{next(self._numbers)}", handle, body, receive)
        return self.consumer.process([message], seconds_left=lambda: seconds) == {"batchItemFailures": []}

    def shown(self) -> set[str]:
        found = self.s3.list_objects_v2(Bucket="holiday-variants").get("Contents", [])
        return {item["Key"] for item in found}

    def item(self, key: str = KEY) -> Any:
        table = boto3.resource("dynamodb").Table("records")
        return next((item for item in table.scan()["Items"] if str(item["object"]).endswith(key)), None)


@pytest.fixture(scope="module")
def moto() -> Iterator[MotoServer]:
    with serving() as server:
        yield server


@pytest.fixture
def build(moto: MotoServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Stage]]:
    """Builds the consumer from the environment above, with what is changed of it."""
    moto.reset()
    made: list[Stage] = []
    log = logging.getLogger("darkroom")
    before = (log.handlers, log.propagate, log.level)

    def start(**changes: str) -> Stage:
        environ = {**ENVIRONMENT, "AWS_ENDPOINT_URL": moto.url, **changes}
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        s3 = boto3.client("s3")
        for bucket in ("holiday-originals", "holiday-variants"):
            s3.create_bucket(Bucket=bucket)
        boto3.client("dynamodb").create_table(
            TableName="records",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": n, "AttributeType": "S"} for n in ("object", "etag")],
            KeySchema=[{"AttributeName": "object", "KeyType": "HASH"}, {"AttributeName": "etag", "KeyType": "RANGE"}],
        )
        environ["QUEUE_URL"] = boto3.client("sqs").create_queue(QueueName="holiday")["QueueUrl"]
        made.append(Stage(bootstrap.build_consumer(environ), environ))
        return made[-1]

    yield start
    for stage in made:
        if isinstance(stage.worker.render.__self__, Renderers):
            stage.worker.render.__self__.close()
    log.handlers, log.propagate, log.level = before


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_buckets_prefix_and_table_are_those_of_the_environment(build: Callable[..., Stage]) -> None:
    on = build()

    assert on.deliver(on.upload())
    assert on.shown() == {"desktop/cat.jpg", "tablet/cat.jpg", "phone/cat.jpg"}
    assert (on.item()["status"], on.item()["code_version"]) == ("DONE", "c0ffee")
    assert not on.deliver(on.upload("images/cat.jpg")), "is not below the prefix"
    assert not on.deliver(s3_body(s3_record(KEY, bucket="uploads")))


def test_a_lease_is_as_long_as_the_environment_says(build: Callable[..., Stage]) -> None:
    on = build()

    claim = on.worker.ledger.claim(Version("b", "k", "e"), Delivery("m", 1, "r"))

    assert isinstance(claim, Claim)
    assert 70 < claim.lease_until - time.time() <= 78


@pytest.mark.parametrize("removals", ["true", "false"])
def test_variants_of_a_removed_original_go_only_where_the_environment_says_so(
    build: Callable[..., Stage], removals: str
) -> None:
    on = build(REMOVALS=removals)
    on.deliver(on.upload())
    on.s3.delete_object(Bucket="holiday-originals", Key=KEY)

    assert on.deliver(removed_body(KEY).replace('"uploads"', '"holiday-originals"'))
    assert bool(on.shown()) == (removals == "false")


def test_failed_messages_are_put_off_in_the_queue_of_the_environment(build: Callable[..., Stage]) -> None:
    on = build()
    sqs, url = boto3.client("sqs"), on.environ["QUEUE_URL"]
    sqs.send_message(QueueUrl=url, MessageBody="not json")
    (message,) = sqs.receive_message(QueueUrl=url, VisibilityTimeout=600)["Messages"]

    assert not on.deliver("not json", handle=message["ReceiptHandle"])
    assert len(sqs.receive_message(QueueUrl=url)["Messages"]) == 1, "a rejected message is back at once"


def test_the_last_receive_level_and_name_are_those_of_the_environment(
    build: Callable[..., Stage], capsys: pytest.CaptureFixture[str]
) -> None:
    on = build()

    on.deliver(on.upload())
    for receive in (2, 3):
        on.deliver("not json", receive=receive)

    told = lines(capsys)
    assert [line["last_receive"] for line in told if "outcome" in line] == [False, True], "and nothing of what is done"
    assert {line["Function"] for line in told if "_aws" in line} == {"holiday-consumer"}
    assert {line["Outcome"] for line in told if "_aws" in line} == {"done", "rejected"}


def test_nothing_begins_without_time_for_a_try_in_this_invocation(build: Callable[..., Stage]) -> None:
    on = build()
    reserve = 3 + (25 - 3) * 50 / 250
    body = on.upload()

    assert not on.deliver(body, seconds=12 + reserve - 0.1)
    assert on.item() is None
    assert on.deliver(body, seconds=12 + reserve + 0.1)


def test_no_request_is_sent_that_could_outlast_the_invocation(build: Callable[..., Stage], moto: MotoServer) -> None:
    on = build()
    body, left = on.upload(), [50.0]

    def before(operation: str) -> None:
        if operation == "PutObject":
            left[0] = 2.9  # seconds; S3 has to have answered by the last three

    moto.before = before
    message = Message("m", "", body, 1)

    assert on.consumer.process([message], seconds_left=lambda: left[0]) != {"batchItemFailures": []}
    assert moto.requests["HeadObject"] == 0, "the look, after the PUTs"
    assert on.item()["reason"]["cause"] == "OutOfTime", "for which the ledger has the last seconds"


def test_the_renderers_share_the_batch_s_time(build: Callable[..., Stage]) -> None:
    on = build()
    body = jpeg()
    on.consumer.budget.begin(lambda: 12 + 7.3)

    with pytest.raises(NotStarted):
        on.worker.render(body, on.worker.recipe)
    on.consumer.budget.begin(lambda: 60.0)
    assert on.worker.render(body, on.worker.recipe).variants


def test_memory_decides_on_renderers_threads_bodies_and_the_largest_file(build: Callable[..., Stage]) -> None:
    on, room = build(), capacity(MEMORY)
    renderers, executor = on.worker.render.__self__, on.consumer.executor

    assert len(renderers._renderers) == room.renderers == 2
    assert renderers._memory.megabytes == room.rendering
    assert executor.threads == room.threads  # type: ignore[attr-defined]
    assert executor.memory.__self__._memory.megabytes == room.bodies  # type: ignore[attr-defined]


def test_cpus_decide_on_renderers_and_threads_where_they_are_set(build: Callable[..., Stage]) -> None:
    on = build(CPUS="1")
    renderers, executor = on.worker.render.__self__, on.consumer.executor

    assert len(renderers._renderers) == 1
    assert renderers._memory.megabytes == capacity(MEMORY, 1).rendering
    assert executor.threads == 10  # type: ignore[attr-defined]


def test_the_variants_of_an_image_are_put_in_parallel(build: Callable[..., Stage], moto: MotoServer) -> None:
    on, three = build(), threading.Barrier(3, timeout=10)

    def before(operation: str) -> None:
        if operation == "PutObject":
            three.wait()

    moto.before = before

    assert on.deliver(on.upload()), "the barrier breaks when fewer than three meet"
    assert (moto.requests["PutObject"], moto.requests["HeadObject"]) == (3, 1)


def test_no_thread_of_the_consumer_waits_for_a_connection(build: Callable[..., Stage]) -> None:
    on = build()

    clients = (on.worker.store._s3, on.worker.ledger._dynamodb, on.consumer.queue._sqs)  # type: ignore[attr-defined]
    threads = on.consumer.executor.threads * on.worker.execute.limit  # type: ignore[attr-defined]
    assert {client.meta.config.max_pool_connections for client in clients} == {threads}


def test_a_small_function_takes_no_file_that_does_not_fit(build: Callable[..., Stage]) -> None:
    on = build(AWS_LAMBDA_FUNCTION_MEMORY_SIZE="512", RENDERING="in-process")

    assert on.worker.recipe.limits.max_bytes == capacity(512).largest_body


def test_in_this_process_one_image_is_rendered_at_a_time_within_the_memory_there_is(
    build: Callable[..., Stage],
) -> None:
    on, room = build(RENDERING="in-process"), capacity(MEMORY)
    engine = on.worker.render.__self__
    assert isinstance(engine, InProcess)

    assert engine._memory.megabytes == room.rendering
    on.consumer.budget.begin(lambda: 12 + 7.3)
    with pytest.raises(NotStarted):
        on.worker.render(jpeg(), on.worker.recipe)


class Recording(dict[str, str]):
    """An environment that remembers what was asked for."""

    def __init__(self) -> None:
        super().__init__(ENVIRONMENT, QUEUE_URL="http://127.0.0.1/queue")
        self.asked: set[str] = set()

    def get(self, name: str, default: Any = None) -> Any:
        self.asked.add(name)
        return super().get(name, default)


def test_every_variable_that_is_read_is_looked_at_here() -> None:
    environ = Recording()

    Settings.from_mapping(environ)

    assert environ.asked == {name for name in environ if name not in BOTO3}
