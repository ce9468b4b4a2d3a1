"""Whether moto does by now what a patch adds: seen in what it does, not in its version; nothing stays behind in moto.

A probe is asked before anything is patched. Where only time would tell (two threads at once), the presence of a lock
does. Costs are counted in lines of Python, whatever else the machine does.
"""

import base64
import gc
import inspect
import json
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any, Final
from urllib.parse import urlsplit

from moto.awslambda.models import lambda_backends
from moto.core.exceptions import ServiceException
from moto.iam.models import iam_backends
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.sqs import models as sqs
from werkzeug.test import Client

LOCKS: Final = (type(threading.Lock()), type(threading.RLock()), threading.Condition)
PLACE: Final = ("eu-west-1", "123456789012")
BACKLOG: Final = 50
FEW_LINES: Final = 50


def has_a_lock(backend: Callable[..., Any]) -> bool:
    """Whether a backend, or its class, holds a lock."""
    made = backend(*PLACE)
    return any(isinstance(inspect.getattr_static(made, name), LOCKS) for name in dir(made))


def serves_packages() -> bool:
    """Whether a function's package can be downloaded from where GetFunction says it is."""
    region, account = PLACE
    functions, roles = lambda_backends[account][region], iam_backends[account]["aws"]
    role = roles.create_role("probe", "{}", "/", None, "", [], "3600")
    code = {"ZipFile": base64.b64encode(b"package").decode()}
    functions.create_function({"FunctionName": "probe", "Role": role.arn, "Code": code})
    try:
        lambda_host = f"http://lambda.{region}.amazonaws.com"
        answer = create_backend_app("lambda").test_client().get("/2015-03-31/functions/probe", base_url=lambda_host)
        at = urlsplit(answer.get_json(force=True)["Code"]["Location"])
        client = Client(DomainDispatcherApplication(create_backend_app))
        return bool(client.get(at.path, base_url=f"{at.scheme}://{at.netloc}").data == b"package")
    finally:
        functions.delete_function("probe")
        roles.delete_role("probe")


def remembers_hosts() -> bool:
    """Whether the backend of a host costs nothing the second time."""
    application, host = DomainDispatcherApplication(create_backend_app), "sqs.eu-west-1.amazonaws.com"
    application.get_backend_for_host(host)
    return lines_run(lambda: application.get_backend_for_host(host)) < FEW_LINES


def limits_messages() -> bool:
    """Whether SQS refuses a message with a control character, and a batch of timeouts in which an id is twice."""
    backend = sqs.SQSBackend(*PLACE)
    backend.create_queue("probe")
    entry = {"Id": "a", "ReceiptHandle": "none", "VisibilityTimeout": 1}
    try:
        backend.send_message("probe", "\x00")
    except ServiceException:
        try:
            backend.change_message_visibility_batch("probe", [entry, entry])
        except ServiceException:
            return True
    return False


def limits_writes() -> bool:
    """Whether DynamoDB refuses a batch of more than 25 writes."""
    writes = [{"DeleteRequest": {"Key": {"k": {"S": str(number)}}}} for number in range(26)]
    client = create_backend_app("dynamodb").test_client()
    answer = client.post(
        "/",
        base_url="http://127.0.0.1",
        headers={"X-Amz-Target": "DynamoDB_20120810.BatchWriteItem"},
        content_type="application/x-amz-json-1.0",
        data=json.dumps({"RequestItems": {"no-such-table": writes}}),
    )
    return "ValidationException" in answer.get_data(as_text=True)


def sends_at_constant_cost() -> bool:
    """Whether SQS sends a message at a cost that does not grow with the queue."""
    return _has_constant_cost(lambda backend: backend.send_message("probe", "x"))


def receives_at_constant_cost() -> bool:
    """Whether SQS receives, hides and deletes a message at a cost that does not grow with the queue."""

    def receive(backend: Any) -> None:
        (message,) = backend.receive_message("probe", 1, 0, 60)
        backend.change_message_visibility("probe", message.receipt_handle, 30)
        backend.delete_message("probe", message.receipt_handle)

    return _has_constant_cost(receive)


def polls_for_no_mapping() -> bool:
    """Whether a queue leaves an event source mapping alone when a message is sent to it."""

    class ReadError(Exception):
        pass

    class Mapping:
        def __getattr__(self, name: str) -> Any:
            raise ReadError(name)

    backend = sqs.SQSBackend(*PLACE)
    queue: Any = backend.create_queue("probe")
    queue.lambda_event_source_mappings["arn"] = Mapping()
    try:
        backend.send_message("probe", "x")
    except ReadError:
        return False
    return True


def makes_receipt_handles_at_once() -> bool:
    """Whether a message is marked as received, which makes a receipt handle, within a few lines."""
    return lines_run(sqs.Message("id", "body").mark_received) < FEW_LINES


def lines_run(action: Callable[[], Any]) -> int:
    """How many lines of Python ``action`` runs in this thread, without those of a garbage collection."""
    lines = 0

    def trace(_frame: FrameType, event: str, _argument: Any) -> Any:
        nonlocal lines
        lines += event == "line"
        return trace

    before, collects = sys.gettrace(), gc.isenabled()
    gc.disable()
    sys.settrace(trace)
    try:
        action()
    finally:
        sys.settrace(before)
        if collects:
            gc.enable()
    return lines


def _has_constant_cost(action: Callable[[Any], Any]) -> bool:
    backend = sqs.SQSBackend(*PLACE)
    queue = backend.create_queue("probe")
    costs = []
    for _ in range(3):  # the first also pays for what is done once
        for _ in range(BACKLOG):
            waiting = sqs.Message("id", "body")
            waiting.mark_sent()
            queue.add_message(waiting)
        costs.append(lines_run(lambda: action(backend)))
    return costs[2] < costs[1] + BACKLOG
