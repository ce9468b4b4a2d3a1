"""The emulator holds under load: one winner of a conditional write, and a backlog that slows nobody."""

import functools
import gc
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import boto3
import moto.backends
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.dynamodb.models import DynamoDBBackend
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.s3.models import S3Backend
from moto.sqs import models as sqs
from moto.sqs.models import Message, SQSBackend, sqs_backends

from ops.local import moto_patches, moto_queues
from ops.local.moto_probes import lines_run
from ops.local.patch import PatchError
from tests.ops.local.conftest import wait_until

THREADS = 50


@pytest.fixture
def replace(monkeypatch):
    """Sets an attribute of moto's, in this process and for the length of the test."""
    return functools.partial(monkeypatch.setattr, raising=False)


@pytest.fixture
def patched(replace):
    moto_patches.install(replace)


@pytest.fixture
def clients(patched):
    with mock_aws():
        session = boto3.Session("local", "local", region_name="eu-west-1")
        yield {"sqs": session.client("sqs"), "s3": session.client("s3"), "dynamodb": session.client("dynamodb")}


@pytest.fixture
def table(clients):
    clients["dynamodb"].create_table(
        TableName="t",
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return "t"


@pytest.fixture
def bucket(clients):
    clients["s3"].create_bucket(Bucket="bucket", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    return "bucket"


@pytest.fixture
def queue_url(clients):
    return clients["sqs"].create_queue(QueueName="q", Attributes={"VisibilityTimeout": "60"})["QueueUrl"]


class Meeting:
    """Makes functions of moto's wait for a second thread to come in, so that two at once are always seen."""

    def __init__(self, monkeypatch, *names):
        self.at_once = 0
        self._inside = 0
        self._arrived = threading.Condition()
        for owner, name in names:
            monkeypatch.setattr(owner, name, self._meeting_in(getattr(owner, name)))

    def _meeting_in(self, original):
        def meet(*args, **kwargs):
            with self._arrived:
                self._inside += 1
                self.at_once = max(self.at_once, self._inside)
                self._arrived.notify_all()
                self._arrived.wait_for(lambda: self.at_once > 1, timeout=0.3)
            try:
                return original(*args, **kwargs)
            finally:
                with self._arrived:
                    self._inside -= 1

        return meet


def _at_once(*actions):
    with ThreadPoolExecutor(len(actions)) as threads:
        return [future.exception() for future in [threads.submit(action) for action in actions]]


def test_two_updates_of_a_table_are_never_inside_moto_at_once(clients, table, monkeypatch):
    meeting = Meeting(monkeypatch, (DynamoDBBackend, "update_item"))

    failures = _at_once(*[lambda: _claim(clients, table, "one")] * 2)

    assert meeting.at_once == 1
    assert failures == [None, None]


def test_two_writes_of_an_object_are_never_inside_moto_at_once(clients, bucket, monkeypatch):
    meeting = Meeting(monkeypatch, (S3Backend, "put_object"))

    failures = _at_once(*[lambda: clients["s3"].put_object(Bucket=bucket, Key="k", Body=b"x", IfNoneMatch="*")] * 2)

    assert meeting.at_once == 1
    assert sum(failure is not None for failure in failures) == 1


def test_a_bucket_is_not_listed_while_it_is_written_to(clients, bucket, monkeypatch):
    meeting = Meeting(monkeypatch, (S3Backend, "put_object"), (S3Backend, "list_objects"))

    failures = _at_once(
        lambda: clients["s3"].put_object(Bucket=bucket, Key="k", Body=b"x"),
        lambda: clients["s3"].list_objects_v2(Bucket=bucket),
    )

    assert meeting.at_once == 1
    assert failures == [None, None]


def test_an_event_is_sent_only_once_the_object_has_its_metadata(clients, bucket, queue_url):
    """moto sends it from inside put_object, before it sets the metadata; the next request must wait for both."""
    arn = "arn:aws:sqs:eu-west-1:123456789012:q"
    clients["s3"].put_bucket_notification_configuration(
        Bucket=bucket,
        NotificationConfiguration={"QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]},
    )
    clients["sqs"].purge_queue(QueueUrl=queue_url)  # s3:TestEvent

    def read_when_told():
        clients["sqs"].receive_message(QueueUrl=queue_url, WaitTimeSeconds=10)
        return clients["s3"].head_object(Bucket=bucket, Key="k")["Metadata"]

    with ThreadPoolExecutor(1) as threads:
        reading = threads.submit(read_when_told)
        clients["s3"].put_object(Bucket=bucket, Key="k", Body=b"x", Metadata={"a": "1"})
        assert reading.result() == {"a": "1"}


def test_two_receives_are_never_inside_moto_at_once(clients, queue_url, monkeypatch):
    meeting = Meeting(monkeypatch, (moto_queues, "_take"))

    failures = _at_once(*[lambda: clients["sqs"].receive_message(QueueUrl=queue_url)] * 2)

    assert meeting.at_once == 1
    assert failures == [None, None]


@pytest.mark.parametrize("contest", ["update_item", "put_object", "receive_message"])
def test_of_fifty_threads_one_wins_in_every_round(emulator, contest):
    contests = {"update_item": _table_contest, "put_object": _bucket_contest, "receive_message": _queue_contest}
    enter = contests[contest]({name: emulator.client(name) for name in ("dynamodb", "s3", "sqs")})

    with ThreadPoolExecutor(THREADS) as threads:
        for number in range(12):
            start = threading.Barrier(THREADS)
            entries = [threads.submit(_enter_together, start, enter, f"round-{number}") for _ in range(THREADS)]
            assert sum(entry.result() for entry in entries) == 1, f"round {number}"


def _enter_together(start, enter, name):
    start.wait()
    return enter(name)


def _claim(clients, table, key):
    try:
        clients["dynamodb"].update_item(
            TableName=table,
            Key={"k": {"S": key}},
            UpdateExpression="SET taken = :yes",
            ConditionExpression="attribute_not_exists(taken)",
            ExpressionAttributeValues={":yes": {"BOOL": True}},
        )
    except clients["dynamodb"].exceptions.ConditionalCheckFailedException:
        return False
    return True


def _table_contest(clients):
    clients["dynamodb"].create_table(
        TableName="contest",
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return lambda name: _claim(clients, "contest", name)


def _bucket_contest(clients):
    clients["s3"].create_bucket(Bucket="contest", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})

    def put(name):
        try:
            clients["s3"].put_object(Bucket="contest", Key=name, Body=b"x", IfNoneMatch="*")
        except ClientError as error:
            if error.response["Error"]["Code"] != "PreconditionFailed":
                raise
            return False
        return True

    return put


def _queue_contest(clients):
    url = clients["sqs"].create_queue(QueueName="contest")["QueueUrl"]
    sent = set()
    sending = threading.Lock()

    def take(name):
        with sending:
            if name not in sent:
                sent.add(name)
                clients["sqs"].send_message(QueueUrl=url, MessageBody=name)
        messages = clients["sqs"].receive_message(QueueUrl=url).get("Messages", [])
        return sum(message["Body"] == name for message in messages)

    return take


def _fill(queue, count):
    for number in range(count):
        message = Message(str(number), "waiting")
        message.mark_sent()
        queue._messages.append(message)


def test_ten_thousand_waiting_messages_cost_a_sender_and_a_receiver_nothing(clients, queue_url):
    sqs = clients["sqs"]
    backend = sqs_backends["123456789012"]["eu-west-1"]

    def live_through_one_message():
        backend.send_message("q", "x")
        (message,) = backend.receive_message("q", 1, 0, 60)
        assert message.receipt_handle is not None
        backend.change_message_visibility("q", message.receipt_handle, 30)
        backend.delete_message("q", message.receipt_handle)

    _fill(backend.queues["q"], 100)
    live_through_one_message()
    at_a_hundred = lines_run(live_through_one_message)
    _fill(backend.queues["q"], 9_900)
    at_ten_thousand = lines_run(live_through_one_message)

    assert at_ten_thousand < 2 * at_a_hundred  # one look through the queue would be 9,900 more
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    counted = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=names)["Attributes"]
    assert counted == {"ApproximateNumberOfMessages": "10000", "ApproximateNumberOfMessagesNotVisible": "0"}


def test_whose_a_request_is_is_looked_up_once(patched, monkeypatch):
    looked_up = []

    def modules():
        looked_up.append("sqs")
        return ["sqs"]

    monkeypatch.setattr(moto.backends, "list_of_moto_modules", modules)
    application = DomainDispatcherApplication(create_backend_app)

    found = [application.get_backend_for_host("sqs.eu-west-1.amazonaws.com") for _ in range(3)]

    assert found == ["sqs"] * 3
    assert len(looked_up) == 1


def test_all_attributes_of_a_queue_include_its_counts(clients, queue_url):
    clients["sqs"].send_message(QueueUrl=queue_url, MessageBody="x")

    attributes = clients["sqs"].get_queue_attributes(QueueUrl=queue_url, AttributeNames=["All"])["Attributes"]

    assert attributes["ApproximateNumberOfMessages"] == "1"
    assert attributes["VisibilityTimeout"] == "60"


def test_a_long_poll_keeps_nobody_waiting_and_wakes_when_a_message_comes(clients, queue_url):
    sqs = clients["sqs"]
    with ThreadPoolExecutor(1) as threads:
        start = time.monotonic()
        polling = threads.submit(sqs.receive_message, QueueUrl=queue_url, WaitTimeSeconds=20)
        wait_until(polling.running)
        sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["All"])
        sqs.send_message(QueueUrl=queue_url, MessageBody="x")
        (message,) = polling.result()["Messages"]

    assert message["Body"] == "x"
    assert time.monotonic() - start < 10  # half the poll


def test_a_long_poll_sees_a_message_whose_visibility_timeout_ends(clients, queue_url):
    sqs = clients["sqs"]
    sqs.send_message(QueueUrl=queue_url, MessageBody="x")
    sqs.receive_message(QueueUrl=queue_url, VisibilityTimeout=1)
    start = time.monotonic()

    answer = sqs.receive_message(QueueUrl=queue_url, WaitTimeSeconds=20, AttributeNames=["All"])

    assert answer["Messages"][0]["Attributes"]["ApproximateReceiveCount"] == "2"
    assert 0.5 < time.monotonic() - start < 10


def test_a_long_poll_sees_a_message_that_is_given_back(clients, queue_url, monkeypatch):
    sqs = clients["sqs"]
    sqs.send_message(QueueUrl=queue_url, MessageBody="x")
    (message,) = sqs.receive_message(QueueUrl=queue_url)["Messages"]
    waiting = threading.Event()
    about_to_wait = moto_queues._seconds_until_one_returns

    def say_so(queue):
        waiting.set()
        return about_to_wait(queue)

    monkeypatch.setattr(moto_queues, "_seconds_until_one_returns", say_so)

    with ThreadPoolExecutor(1) as threads:
        start = time.monotonic()
        polling = threads.submit(sqs.receive_message, QueueUrl=queue_url, WaitTimeSeconds=20)
        waiting.wait()
        sqs.change_message_visibility(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)
        assert polling.result()["Messages"]

    assert time.monotonic() - start < 10  # half the poll


def test_a_delayed_message_comes_late(clients, queue_url):
    clients["sqs"].send_message(QueueUrl=queue_url, MessageBody="x", DelaySeconds=1)

    assert "Messages" not in clients["sqs"].receive_message(QueueUrl=queue_url)
    assert clients["sqs"].receive_message(QueueUrl=queue_url, WaitTimeSeconds=20)["Messages"]


def test_a_message_past_its_retention_is_gone(clients):
    url = clients["sqs"].create_queue(QueueName="short", Attributes={"MessageRetentionPeriod": "60"})["QueueUrl"]
    clients["sqs"].send_message(QueueUrl=url, MessageBody="x")
    queue = sqs_backends["123456789012"]["eu-west-1"].queues["short"]
    message = queue._messages[0]
    assert message.sent_timestamp is not None
    message.sent_timestamp -= 60_000

    assert "Messages" not in clients["sqs"].receive_message(QueueUrl=url)
    assert queue._messages == []


def test_a_handle_of_an_earlier_receive_still_deletes_and_an_unknown_one_does_not(clients, queue_url):
    sqs = clients["sqs"]
    sqs.send_message(QueueUrl=queue_url, MessageBody="x")
    first = sqs.receive_message(QueueUrl=queue_url, VisibilityTimeout=0)["Messages"][0]["ReceiptHandle"]
    sqs.receive_message(QueueUrl=queue_url)

    sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=first)

    sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=first)  # again: no error
    with pytest.raises(ClientError, match="ReceiptHandleIsInvalid"):
        sqs.delete_message(QueueUrl=queue_url, ReceiptHandle="unknown")
    with pytest.raises(ClientError, match="ReceiptHandleIsInvalid"):
        sqs.change_message_visibility(QueueUrl=queue_url, ReceiptHandle="unknown", VisibilityTimeout=0)


def test_a_message_that_was_purged_meanwhile_can_be_deleted(clients, queue_url):
    sqs = clients["sqs"]
    sqs.send_message(QueueUrl=queue_url, MessageBody="x")
    (message,) = sqs.receive_message(QueueUrl=queue_url)["Messages"]
    sqs.purge_queue(QueueUrl=queue_url)

    sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])

    assert "Messages" not in sqs.receive_message(QueueUrl=queue_url)


def test_an_enabled_event_source_mapping_takes_no_message_by_itself(clients, queue_url, monkeypatch):
    """moto would receive for it at each message that is sent, and look for the function in docker."""
    arn = "arn:aws:lambda:eu-west-1:123456789012:function:f"
    queue = sqs_backends["123456789012"]["eu-west-1"].queues["q"]
    monkeypatch.setitem(queue.lambda_event_source_mappings, arn, SimpleNamespace(enabled=True, batch_size=10))

    clients["sqs"].send_message(QueueUrl=queue_url, MessageBody="x")

    (message,) = clients["sqs"].receive_message(QueueUrl=queue_url, AttributeNames=["All"])["Messages"]
    assert message["Attributes"]["ApproximateReceiveCount"] == "1"


PATCHES = moto_patches.all_patches()
each_patch = pytest.mark.parametrize("patch", PATCHES, ids=[patch.adds for patch in PATCHES])
LOCKED = {
    "one lock for all DynamoDB requests": DynamoDBBackend,
    "one lock for all S3 requests": S3Backend,
    "SQS requests that run one at a time at constant cost": SQSBackend,
}
BUILT_ON = [
    pytest.param(patch, owner, name, id=f"{patch.adds}: {name}")
    for patch in PATCHES
    for owner, name in [*((owner, name) for owner, name, _ in patch.replaces), *patch.uses]
]


def refuse_to_replace(owner, name, _value):
    pytest.fail(f"replaced {owner}.{name}")


class Finalized:
    def __init__(self):
        self.itself: object = self

    def __del__(self):
        self.itself = None


def test_the_lines_of_an_action_are_not_those_of_a_garbage_collection():
    gc.collect()
    Finalized()

    lists = 10 * gc.get_threshold()[0]
    assert lines_run(lambda: list(map(list, [()] * lists))) == 1


@each_patch
def test_the_pinned_moto_needs_each_patch(patch):
    """When this fails, moto does it by now: delete the patch."""
    assert patch.is_needed()


@each_patch
def test_a_patch_steps_aside_when_moto_does_its_work(patch, replace):
    patch.apply(replace)  # as if moto had taken it over
    if patch.adds in LOCKED:
        replace(LOCKED[patch.adds], "lock", threading.RLock())

    moto_patches.install(refuse_to_replace, [patch])


@pytest.mark.parametrize(("patch", "owner", "name"), BUILT_ON)
def test_a_name_that_is_gone_is_named_before_anything_is_replaced(patch, owner, name, monkeypatch):
    for holder in (owner, *type(owner).__mro__, *getattr(owner, "__mro__", ())):
        if name in vars(holder):
            monkeypatch.delattr(holder, name)

    with pytest.raises(PatchError, match=rf"{patch.adds}\b.*\b{name}\b"):
        moto_patches.install(refuse_to_replace, [*PATCHES[:1], patch])


def test_a_moto_that_does_the_work_may_lack_the_names_of_the_patch(replace, monkeypatch):
    (patch,) = [patch for patch in PATCHES if "receipt handles" in patch.adds]
    replace(Message, "mark_received", lambda message: setattr(message, "receipt_handle", "made at once"))
    monkeypatch.delattr(sqs, "generate_receipt_handle")

    moto_patches.install(refuse_to_replace, [patch])


@pytest.mark.parametrize("half", ["a lock", "constant cost"])
def test_queues_are_patched_while_moto_does_half_of_it(replace, half):
    (patch,) = [patch for patch in PATCHES if LOCKED.get(patch.adds) is SQSBackend]
    if half == "a lock":
        replace(SQSBackend, "lock", threading.RLock())
    else:
        patch.apply(replace)

    assert patch.is_needed()
