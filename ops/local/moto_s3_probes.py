"""Whether moto's S3 does by now what a patch adds: as in ``moto_probes``, with a bucket that is gone afterwards."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http import HTTPStatus
from typing import Any, Final

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.events.models import events_backends
from moto.moto_server.werkzeug_app import create_backend_app
from moto.sqs.models import sqs_backends

from ops.local.credentials import Credentials
from ops.local.moto_probes import PLACE, lines_run
from ops.local.post_policy import signed_form

Ask = Callable[..., Any]
"""A request by its method and its target; returns the answer."""

FEW_KEYS: Final = 10
SWITCH: Final = "<NotificationConfiguration><EventBridgeConfiguration/></NotificationConfiguration>"
LINE_END: Final = "a%0Ab"
BY_NOBODY: Final[dict[str, str]] = {}
BY_SOMEBODY: Final = {"Authorization": "AWS4-HMAC-SHA256 Credential=probe/20261121/us-east-1/s3/aws4_request"}


def checks_presigned_posts(credentials: Credentials) -> bool:
    """Whether S3 refuses a form that has expired, and a file that is larger than its form allows."""
    policies = (
        {"expiration": "2006-01-01T00:00:00Z", "conditions": []},
        {"expiration": "9999-01-01T00:00:00Z", "conditions": [["content-length-range", 1, 1]]},
    )
    with _bucket() as ask:
        forms = [signed_form("key", policy, credentials) | {"file": "12"} for policy in policies]
        answers = [ask("POST", "/probe", data=form, headers=BY_NOBODY).status_code for form in forms]
    return answers == [HTTPStatus.FORBIDDEN, HTTPStatus.BAD_REQUEST]


def ends_a_form_with_its_file() -> bool:
    """Whether S3 leaves out the fields that stand behind the file."""
    fields = ("key", "key"), ("file", "12"), ("x-amz-meta-late", "1")
    parts = [f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields]
    form = {"data": "".join([*parts, "--b--\r\n"]), "content_type": "multipart/form-data; boundary=b"}
    with _bucket() as ask:
        ask("POST", "/probe", headers=BY_NOBODY, **form)
        return "x-amz-meta-late" not in ask("HEAD", "/probe/key").headers


def checks_presigned_links() -> bool:
    """Whether S3 refuses a link that has expired, and that nobody has signed."""
    query = {
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Credential": f"probe/20060101/{PLACE[0]}/s3/aws4_request",
        "X-Amz-Date": "20060101T000000Z",
        "X-Amz-Expires": "1",
        "X-Amz-SignedHeaders": "host",
        "X-Amz-Signature": "0",
    }
    with _bucket() as ask:
        ask("PUT", "/probe/key", data=b"x")
        answer = ask("GET", "/probe/key", query_string=query, headers=BY_NOBODY)
    return bool(answer.status_code == HTTPStatus.FORBIDDEN)


def limits_keys() -> bool:
    """Whether S3 refuses a key of 1,025 bytes."""
    with _bucket() as ask:
        return bool(ask("PUT", f"/probe/{'k' * 1025}", data=b"x").status_code == HTTPStatus.BAD_REQUEST)


def names_no_null_version() -> bool:
    """Whether S3 names no version of an object that was uploaded in parts."""
    with _bucket() as ask:
        return "x-amz-version-id" not in _upload_in_parts(ask).headers


def encodes_what_a_listing_starts_after() -> bool:
    """Whether S3 encodes StartAfter where it is asked to encode."""
    query = {"list-type": "2", "encoding-type": "url", "start-after": "é"}
    with _bucket() as ask:
        return "%C3%A9</StartAfter>" in ask("GET", "/probe", query_string=query).get_data(as_text=True)


def lists_at_constant_cost(query: str) -> bool:
    """Whether a page of one key, by this query, costs the same with more keys in the bucket."""
    keys, costs = [f"/probe/{number:02}" for number in range(2 * FEW_KEYS)], []
    with _bucket() as ask:
        try:
            for some in (keys[:FEW_KEYS], keys[FEW_KEYS:]):
                for key in some:
                    ask("PUT", key, data=b"x")
                # The first also pays for what is done once; the least is without what happens now and then
                costs.append(min(lines_run(lambda: ask("GET", "/probe", query_string=query)) for _ in range(3)))
        finally:
            for key in keys:
                ask("DELETE", key)
    return costs[1] < costs[0] + FEW_KEYS


def sends_documented_events() -> bool:
    """Whether an event on the default bus, and on no other, has an ``etag`` and no version "null"."""
    events = _events_of(lambda ask: ask("PUT", "/probe/key", data=b"x"), "default", "probe")
    return len(events) == 1 and "etag" in events[0]["object"] and "version-id" not in events[0]["object"]


def sends_one_event_of_an_upload_in_parts() -> bool:
    """Whether an object that was uploaded in parts is one event, and not one of its PUT as well."""
    return len(_events_of(_upload_in_parts, "default")) == 1


def names_the_switch_for_events() -> bool:
    """Whether a bucket that sends its events to EventBridge says so."""
    with _bucket() as ask:
        ask("PUT", "/probe", query_string="notification", data=SWITCH)
        return "EventBridgeConfiguration" in ask("GET", "/probe", query_string="notification").get_data(as_text=True)


def takes_keys_with_line_ends() -> bool:
    """Whether a key may have a line end within."""
    with _bucket() as ask:
        return bool(ask("PUT", f"/probe/{LINE_END}", data=b"x").status_code == HTTPStatus.OK)


def _upload_in_parts(ask: Ask) -> Any:
    """The answer to the last request."""
    begun = ask("POST", "/probe/key", query_string="uploads").get_data(as_text=True)
    upload = begun.partition("<UploadId>")[2].partition("</UploadId>")[0]
    etag = ask("PUT", "/probe/key", data=b"x", query_string={"uploadId": upload, "partNumber": 1}).headers["ETag"]
    parts = f"<P><Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part></P>"
    return ask("POST", "/probe/key", data=parts, query_string={"uploadId": upload})


def _events_of(action: Callable[[Ask], object], *buses: str) -> list[Any]:
    """The details of the events that reach a rule for created objects on each of these buses."""
    region = "us-east-1"  # of a bucket that names none
    events, sqs = events_backends[DEFAULT_ACCOUNT_ID][region], sqs_backends[DEFAULT_ACCOUNT_ID][region]
    with ExitStack() as made:  # a probe that fails midway leaves nothing either
        queue = sqs.create_queue("probe")
        made.callback(sqs.delete_queue, "probe")
        for bus in buses:
            if bus != "default":
                events.create_event_bus(bus)
                made.callback(events.delete_event_bus, bus)
            events.put_rule("probe", event_bus_arn=bus, event_pattern='{"detail-type": ["Object Created"]}')
            made.callback(events.delete_rule, "probe", bus)
            events.put_targets("probe", bus, [{"Id": "probe", "Arn": queue.queue_arn}])
            made.callback(events.remove_targets, "probe", bus, ["probe"])
        ask = made.enter_context(_bucket())
        ask("PUT", "/probe", query_string="notification", data=SWITCH)
        action(ask)
        return [json.loads(message.body)["detail"] for message in sqs.receive_message("probe", 10, 0, 0)]


@contextmanager
def _bucket() -> Iterator[Ask]:
    client = create_backend_app("s3").test_client()

    def ask(method: str, target: str, headers: dict[str, str] = BY_SOMEBODY, **more: Any) -> Any:
        return client.open(target, method=method, base_url="http://127.0.0.1", headers=headers, **more)

    ask("PUT", "/probe")
    try:
        yield ask
    finally:
        for key in ("key", "k" * 1025, LINE_END):
            ask("DELETE", f"/probe/{key}")
        ask("DELETE", "/probe")
