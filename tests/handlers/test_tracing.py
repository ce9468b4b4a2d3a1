"""The trace of a batch, as X-Ray's daemon receives it: by UDP, on loopback."""

import json
import logging
import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest

from handlers import consumer
from handlers.tracing import TRACE_ID, Tracer
from processing.errors import Busy, CorruptImage, Unavailable
from processing.events import Event, ObjectCreated
from processing.ledger import Delivery
from processing.outcome import Kind, Outcome
from tests.builders import created_body
from tests.handlers.test_consumer import ENVIRONMENT, Context, Stack, jpeg, moto_server, record, stack
from tests.test_layout import ROOT

__all__ = ["moto_server", "stack"]
BATCH = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1;Lineage=1:a87bd80c:0"
SENDER = "Sampled=1;Root=1-581cf771-a006649127e371903a2de979;Parent=70de5b6f19ff9a0a"
EVENT = ObjectCreated("uploads", "images/a.jpg", "e" * 32)
LARGEST_DATAGRAM = 64 * 1024
HEXADECIMAL = re.compile(r"[0-9a-f]{16}")


class Daemon:
    """A socket in place of X-Ray's daemon."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)
        self.address = "127.0.0.1:{1}".format(*self.socket.getsockname())

    def documents(self) -> list[dict[str, Any]]:
        """What has come: on loopback a datagram is there when it has been sent."""
        found: list[dict[str, Any]] = []
        while True:
            try:
                protocol, _, document = self.socket.recv(LARGEST_DATAGRAM).partition(b"\n")
            except BlockingIOError:
                return found
            assert json.loads(protocol) == {"format": "json", "version": 1}
            found.append(json.loads(document))
            check_document(found[-1])


def check_document(document: dict[str, Any]) -> None:
    """By the fields that X-Ray's page demands of a subsegment that is sent alone, and of those inside it."""
    assert document["type"] == "subsegment"
    assert TRACE_ID.fullmatch(document["trace_id"])
    assert HEXADECIMAL.fullmatch(document["parent_id"])
    assert all(re.fullmatch(r"\w{1,500}", key) for key in document["annotations"])
    assert all(isinstance(value, str | int) for value in document["annotations"].values())
    every = [document, *document["subsegments"]]
    for each in every:
        assert re.fullmatch(r"[\w .:/%&#=+@-]{1,200}", each["name"])
        assert HEXADECIMAL.fullmatch(each["id"])
        assert document["start_time"] <= each["start_time"] <= each["end_time"] <= document["end_time"]
    assert len({each["id"] for each in every}) == len(every)


@pytest.fixture
def daemon() -> Iterator[Daemon]:
    made = Daemon()
    yield made
    made.socket.close()


def trace(
    daemon: str, handle: Callable[[Event, Delivery], Outcome], *, header: str = BATCH, delivery: Delivery | None = None
) -> Outcome:
    tracer = Tracer({"AWS_XRAY_DAEMON_ADDRESS": daemon, "_X_AMZN_TRACE_ID": header}, clock=lambda: 1000.0)
    return tracer.tracing(handle)(EVENT, delivery or Delivery("id-a", 1))


def done(_event: Event, _delivery: Delivery) -> Outcome:
    return Outcome(Kind.DONE)


def test_a_batch_leaves_a_subsegment_for_each_image_with_its_stages(
    stack: Stack, daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"TRACING": "true", "AWS_XRAY_DAEMON_ADDRESS": daemon.address}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("_X_AMZN_TRACE_ID", BATCH)
    bodies = [created_body(key, stack.upload(key, jpeg())) for key in ("images/a.jpg", "images/b.jpg")]
    records = [record(number, body) for number, body in enumerate([*bodies, created_body("images/gone.jpg", "0" * 32)])]
    records[1]["attributes"]["AWSTraceHeader"] = SENDER

    assert consumer.handler({"Records": records}, Context()) == {"batchItemFailures": []}

    traced = {document["annotations"]["message_id"]: document for document in daemon.documents()}
    stages = {name: [each["name"] for each in document["subsegments"]] for name, document in traced.items()}
    whole = ["claim", "fetch", "render", "publish", "reconcile", "complete"]
    assert stages == {"id-0": whole, "id-1": whole, "id-2": ["claim", "fetch", "complete"]}
    assert {document["trace_id"] for document in traced.values()} == {"1-5759e988-bd862e3fe1be46a994272793"}
    assert {document["parent_id"] for document in traced.values()} == {"53995c3f42cd8ad8"}
    assert {name: document.get("links") for name, document in traced.items()} == {
        "id-0": None,
        "id-1": [{"trace_id": "1-581cf771-a006649127e371903a2de979", "id": "70de5b6f19ff9a0a"}],
        "id-2": None,
    }
    assert traced["id-1"]["annotations"] == {
        "message_id": "id-1",
        "receive": 1,
        "outcome": "done",
        "sent_in": "1-581cf771-a006649127e371903a2de979",
    }
    assert traced["id-2"]["annotations"]["outcome"] == "removed"
    assert "images/" not in json.dumps(traced), "no erasure reaches a trace"


@pytest.mark.parametrize(
    "header",
    [
        "",
        BATCH.replace("Sampled=1", "Sampled=0"),
        BATCH.replace(";Sampled=1", ""),
        "Root=1-2;Parent=3;Sampled=1",
        "=;;",
    ],
    ids=["none", "not-sampled", "undecided", "malformed", "nonsense"],
)
def test_nothing_is_sent_of_a_batch_that_is_not_sampled(daemon: Daemon, header: str) -> None:
    assert trace(daemon.address, done, header=header) == Outcome(Kind.DONE)

    assert daemon.documents() == []


@pytest.mark.parametrize("header", ["", SENDER.replace("Sampled=1", "Sampled=0"), "Root=1;Parent=2", "Root"])
def test_nothing_is_linked_to_a_trace_that_is_not_kept(daemon: Daemon, header: str) -> None:
    trace(daemon.address, done, delivery=Delivery("id-a", 1, trace=header))

    (document,) = daemon.documents()
    assert "links" not in document
    assert "sent_in" not in document["annotations"]


@pytest.mark.parametrize(
    ("error", "outcome", "flag"),
    [
        (CorruptImage("images/a.jpg is broken"), "CorruptImage", "error"),
        (Unavailable("SlowDown", "s3:GetObject", "images/a.jpg"), "SlowDown", "fault"),
        (ZeroDivisionError("images/a.jpg"), "ZeroDivisionError", "fault"),
        (Busy(1060.0), "Busy", None),
    ],
    ids=["rejected", "retryable", "bug", "busy"],
)
def test_a_failure_has_its_cause_and_is_raised_as_it_was(
    daemon: Daemon, error: Exception, outcome: str, flag: str | None
) -> None:
    def handle(_event: Event, _delivery: Delivery) -> Outcome:
        raise error

    with pytest.raises(type(error)) as raised:
        trace(daemon.address, handle)

    (document,) = daemon.documents()
    assert raised.value is error
    assert document["annotations"]["outcome"].startswith(outcome)
    assert {name for name in ("error", "fault") if name in document} == ({flag} if flag else set())
    assert ("cause" in document) is bool(flag)
    assert "images/" not in json.dumps(document)


def test_the_stages_of_images_that_are_processed_at_once_stay_apart(daemon: Daemon) -> None:
    tracer = Tracer({"AWS_XRAY_DAEMON_ADDRESS": daemon.address, "_X_AMZN_TRACE_ID": BATCH}, clock=lambda: 1000.0)
    both = Barrier(2, timeout=60)

    def handle(_event: Event, delivery: Delivery) -> Outcome:
        for stage in ("fetch", "render"):
            both.wait()
            tracer.observe(f"{stage} {delivery.message_id}", 1000.0, 1000.0)
        return Outcome(Kind.DONE)

    traced = tracer.tracing(handle)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda name: traced(EVENT, Delivery(name, 1)), ("a", "b")))

    assert {
        document["annotations"]["message_id"]: [each["name"] for each in document["subsegments"]]
        for document in daemon.documents()
    } == {"a": ["fetch a", "render a"], "b": ["fetch b", "render b"]}


def test_a_daemon_that_is_not_there_changes_nothing(daemon: Daemon, caplog: pytest.LogCaptureFixture) -> None:
    daemon.socket.close()

    with caplog.at_level(logging.WARNING, "darkroom"):
        outcomes = [trace(daemon.address, done) for _ in range(3)]

    assert outcomes == [Outcome(Kind.DONE)] * 3
    assert caplog.records == []


@pytest.mark.parametrize("address", ["", "nowhere", "127.0.0.1:70000"], ids=["empty", "no-port", "no-such-port"])
def test_a_trace_that_cannot_be_sent_changes_no_image(caplog: pytest.LogCaptureFixture, address: str) -> None:
    tracer = Tracer({"AWS_XRAY_DAEMON_ADDRESS": address, "_X_AMZN_TRACE_ID": BATCH}, clock=lambda: 1000.0)
    traced = tracer.tracing(done)
    with caplog.at_level(logging.WARNING, "darkroom"):
        outcomes = [traced(EVENT, Delivery(f"id-{number}", 1)) for number in range(3)]

    assert outcomes == [Outcome(Kind.DONE)] * 3
    assert [line.message for line in caplog.records] == ["traces are not sent"]


@pytest.mark.parametrize("tracing", ["true", "false"])
def test_what_traces_is_loaded_only_where_it_is_on(tracing: str) -> None:
    script = (
        "import sys, handlers.consumer; handlers.consumer.build_consumer(); "
        "sys.stderr.write(str('handlers.tracing' in sys.modules))"
    )
    env = {**os.environ, **ENVIRONMENT, "QUEUE_URL": "http://127.0.0.1/queue", "TRACING": tracing}
    run = subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=env, capture_output=True, text=True, check=True)

    assert run.stderr == str(tracing == "true")
