"""Whether moto does by now what a patch adds: seen in what it does, not in its version; nothing stays behind in moto.

A probe is asked before anything is patched. Where only time would tell (two threads at once), the presence of a lock
does. Costs are counted in lines of Python, whatever else the machine does.
"""

import inspect
import sys
import threading
from collections.abc import Callable
from http import HTTPStatus
from types import FrameType
from typing import Any, Final

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.sqs import models as sqs

from ops.local.credentials import Credentials
from ops.local.post_policy import signed_form

LOCKS: Final = (type(threading.Lock()), type(threading.RLock()), threading.Condition)
PLACE: Final = ("eu-west-1", "123456789012")
BACKLOG: Final = 50
FEW_LINES: Final = 50


def has_a_lock(backend: Callable[..., Any]) -> bool:
    """Whether a backend, or its class, holds a lock."""
    made = backend(*PLACE)
    return any(isinstance(inspect.getattr_static(made, name), LOCKS) for name in dir(made))


def checks_presigned_posts(credentials: Credentials) -> bool:
    """Whether S3 refuses a form that has expired, and a file that is larger than its form allows."""
    client = create_backend_app("s3").test_client()
    bucket, key = ({"path": path, "base_url": "http://127.0.0.1"} for path in ("/probe", "/probe/key"))
    policies = (
        {"expiration": "2006-01-01T00:00:00Z", "conditions": []},
        {"expiration": "9999-01-01T00:00:00Z", "conditions": [["content-length-range", 1, 1]]},
    )
    client.put(**bucket)
    forms = [signed_form("key", policy, credentials) | {"file": "12"} for policy in policies]
    answers = [client.post(**bucket, data=form).status_code for form in forms]
    client.delete(**key)
    client.delete(**bucket)
    return answers == [HTTPStatus.FORBIDDEN, HTTPStatus.BAD_REQUEST]


def ends_a_form_with_its_file() -> bool:
    """Whether S3 leaves out the fields that stand behind the file."""
    client, place = create_backend_app("s3").test_client(), {"base_url": "http://127.0.0.1"}
    known = {"Authorization": f"AWS4-HMAC-SHA256 Credential=probe/20261121/{PLACE[0]}/s3/aws4_request"}
    fields = ("key", "key"), ("file", "12"), ("x-amz-meta-late", "1")
    parts = [f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields]
    client.put("/probe", headers=known, **place)
    client.post("/probe", data="".join([*parts, "--b--\r\n"]), content_type="multipart/form-data; boundary=b", **place)
    stored = client.head("/probe/key", headers=known, **place)
    client.delete("/probe/key", headers=known, **place)
    client.delete("/probe", headers=known, **place)
    return "x-amz-meta-late" not in stored.headers


def checks_presigned_links() -> bool:
    """Whether S3 refuses a link that has expired, and that nobody has signed."""
    client, place = create_backend_app("s3").test_client(), {"base_url": "http://127.0.0.1"}
    known = {"Authorization": f"AWS4-HMAC-SHA256 Credential=probe/20261121/{PLACE[0]}/s3/aws4_request"}
    query = {
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Credential": f"probe/20060101/{PLACE[0]}/s3/aws4_request",
        "X-Amz-Date": "20060101T000000Z",
        "X-Amz-Expires": "1",
        "X-Amz-SignedHeaders": "host",
        "X-Amz-Signature": "0",
    }
    client.put("/probe", headers=known, **place)
    client.put("/probe/key", headers=known, data=b"x", **place)
    answer = client.get("/probe/key", query_string=query, **place)
    client.delete("/probe/key", headers=known, **place)
    client.delete("/probe", headers=known, **place)
    return answer.status_code == HTTPStatus.FORBIDDEN


def remembers_hosts() -> bool:
    """Whether the backend of a host costs nothing the second time."""
    application, host = DomainDispatcherApplication(create_backend_app), "sqs.eu-west-1.amazonaws.com"
    application.get_backend_for_host(host)
    return lines_run(lambda: application.get_backend_for_host(host)) < FEW_LINES


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
    """How many lines of Python ``action`` runs in this thread."""
    lines = 0

    def trace(_frame: FrameType, event: str, _argument: Any) -> Any:
        nonlocal lines
        lines += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        action()
    finally:
        sys.settrace(before)
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
