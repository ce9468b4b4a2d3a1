"""POST /uploads and POST /upload, through the handler."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from handlers import api
from handlers.api_bootstrap import build_api
from tests.api.conftest import ENVIRONMENT, Clock, Stage, declared, key
from tests.api.gateway import Answer, Gateway

MOST = 100_000_000


def policy(upload: dict[str, Any]) -> dict[str, Any]:
    """What was signed: S3 checks this, and nothing that a client may say."""
    signed: dict[str, Any] = json.loads(base64.b64decode(upload["upload"]["fields"]["policy"]))
    return signed


def uploads(gateway: Gateway, *files: dict[str, Any]) -> list[dict[str, Any]]:
    answer = gateway.post("/uploads", {"files": list(files)})
    assert answer.status == 201, answer.body
    return list(answer.json["uploads"])


def test_a_form_allows_exactly_its_key_its_type_and_the_declared_bytes_for_a_quarter_of_an_hour(
    gateway: Gateway,
) -> None:
    (upload,) = uploads(gateway, declared("Cat & dog.PNG", "image/png", 12_345))

    fields = upload["upload"]["fields"]
    conditions = policy(upload)["conditions"]
    assert fields["key"] == key(upload["id"])
    assert fields["x-amz-algorithm"] == "AWS4-HMAC-SHA256"
    assert {"key": fields["key"]} in conditions
    assert {"bucket": "uploads"} in conditions
    assert {"Content-Type": "image/png"} in conditions
    assert ["content-length-range", 12_345, 12_345] in conditions
    assert not [each for each in conditions if isinstance(each, list) and each[0] == "starts-with"]
    ends = datetime.fromisoformat(policy(upload)["expiration"])
    assert abs((ends - datetime.now(UTC)).total_seconds() - 900) < 30  # boto3 signs by the machine's own clock


def test_every_condition_of_a_form_is_one_that_was_meant(gateway: Gateway) -> None:
    (upload,) = uploads(gateway, declared())

    names = {next(iter(each)) if isinstance(each, dict) else each[0] for each in policy(upload)["conditions"]}
    assert names == {
        *("bucket", "key", "Content-Type", "content-length-range"),
        *("x-amz-algorithm", "x-amz-credential", "x-amz-date"),
    }


def test_a_form_is_posted_to_the_buckets_own_host(gateway: Gateway) -> None:
    (upload,) = uploads(gateway, declared())

    assert upload["upload"]["url"] == "https://uploads.s3.eu-west-1.amazonaws.com/"


def test_ids_are_given_in_the_order_of_the_request_and_never_twice(gateway: Gateway) -> None:
    given = uploads(gateway, *(declared() for _ in range(100)))

    ids = [upload["id"] for upload in given]
    assert len(set(ids)) == 100
    assert ids == sorted(ids)


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("Ferien am Meer (1).jpeg", "Ferien-am-Meer-1.jpeg"),
        ("../../etc/passwd", "passwd"),
        ("C:\\photos\\cat.jpg", "cat.jpg"),
        ("фото.jpg", "image.jpg"),
        (".hidden", "image.hidden"),
        ("été.JPG", "ete.JPG"),
        ("..", "image"),
        ("a" * 255, "a" * 80),
        ("b" * 251 + ".jpg", "b" * 76 + ".jpg"),
    ],
)
def test_an_id_keeps_what_is_harmless_of_a_name(gateway: Gateway, name: str, safe: str) -> None:
    (upload,) = uploads(gateway, declared(name))

    assert upload["id"][26:] == f"-{safe}"
    assert upload["name"] == name


def test_a_location_begins_with_the_stage(gateway: Gateway) -> None:
    (upload,) = uploads(gateway, declared())

    assert upload["location"] == f"/dev/images/{upload['id']}"


def test_what_was_given_is_remembered_for_thirty_days(gateway: Gateway, stage: Stage, clock: Clock) -> None:
    given = uploads(gateway, *(declared() for _ in range(60)))

    items = stage.items()
    assert {item["etag"] for item in items} == {upload["id"] for upload in given}
    assert {item["object"] for item in items} == {"caller:key/anna"}
    assert {int(item["expires_at"] - int(clock.now)) for item in items} == {30 * 24 * 3600}


@pytest.mark.parametrize(
    ("document", "paths"),
    [
        ([], [""]),
        ({}, ["/files"]),
        ({"files": []}, ["/files"]),
        ({"files": [declared()] * 101}, ["/files"]),
        ({"files": "cat.jpg"}, ["/files"]),
        ({"files": [declared()], "key": "mine"}, ["/key"]),
        ({"files": [declared() | {"a/b~": 1}]}, ["/files/0/a~1b~0"]),
        ({"files": [declared(), "cat.jpg"]}, ["/files/1"]),
        ({"files": [{}]}, ["/files/0/name", "/files/0/content_type", "/files/0/size"]),
        ({"files": [declared(name="")]}, ["/files/0/name"]),
        ({"files": [declared(name="a" * 256)]}, ["/files/0/name"]),
        ({"files": [declared(name="\ud800")]}, ["/files/0/name"]),
        ({"files": [declared(name="IMG_1.MOV")]}, ["/files/0/name"]),
        ({"files": [declared(name=None)]}, ["/files/0/name"]),  # type: ignore[arg-type]
        ({"files": [declared(content_type="text/html")]}, ["/files/0/content_type"]),
        ({"files": [declared(content_type=["image/png"])]}, ["/files/0/content_type"]),  # type: ignore[arg-type]
        ({"files": [declared(size=0)]}, ["/files/0/size"]),
        ({"files": [declared(), declared(size=MOST + 1)]}, ["/files/1/size"]),
        ({"files": [declared(size="12")]}, ["/files/0/size"]),
        ({"files": [declared(size=True)]}, ["/files/0/size"]),
        ({"files": [declared(size=1.5)]}, ["/files/0/size"]),
    ],
)
def test_what_is_wrong_is_told_by_its_place_and_nothing_is_given(
    gateway: Gateway, stage: Stage, document: Any, paths: list[str]
) -> None:
    answer = gateway.post("/uploads", document)

    assert answer.status == 422
    assert [fault["path"] for fault in answer.json["errors"]] == paths
    assert stage.items() == []


@pytest.mark.parametrize("body", ["", "{", "NaN", '{"files": [{"size": Infinity}]}', "[" * 100_000, "1" * 5000])
def test_a_body_that_is_no_json_is_answered_as_that(gateway: Gateway, body: str) -> None:
    answer = gateway.send("POST", "/uploads", body, {"content-type": "application/json; charset=utf-8"})

    assert answer.status == 400


@pytest.mark.parametrize("headers", [{}, {"content-type": "text/plain"}, {"content-type": "image/png"}])
def test_the_files_must_be_declared_as_json(gateway: Gateway, headers: dict[str, str]) -> None:
    answer = gateway.send("POST", "/uploads", json.dumps({"files": [declared()]}), headers)

    assert answer.status == 415
    assert answer.headers["Accept"] == "application/json"


def test_a_file_for_which_the_consumer_has_no_room_need_not_be_sent(
    gateway: Gateway, stage: Stage, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    smaller = build_api({**ENVIRONMENT, "CONSUMER_MEMORY": "512"}, clock=clock)
    monkeypatch.setattr(api, "api", lambda: smaller)

    limit = gateway.get("/settings.json").json["max_bytes"]

    assert limit < MOST
    assert gateway.post("/uploads", {"files": [declared(size=limit)]}).status == 201
    assert gateway.post("/uploads", {"files": [declared(size=limit + 1)]}).status == 422


def test_a_body_is_stored_as_it_came(gateway: Gateway, stage: Stage) -> None:
    body = bytes(range(256)) * 4

    answer = gateway.send("POST", "/upload?name=cat.png", body, {"content-type": "image/png"})

    stored = stage.s3.get_object(Bucket="uploads", Key=key(answer.json["id"]))
    assert (answer.status, answer.json["status"], answer.json["size"]) == (201, "waiting", 1024)
    assert answer.headers["Location"] == answer.json["location"] == f"/dev/images/{answer.json['id']}"
    assert answer.json["id"].endswith("-cat.png")
    assert (stored["Body"].read(), stored["ContentType"]) == (body, "image/png")


def test_a_body_without_a_name_is_called_after_its_type(gateway: Gateway) -> None:
    answer = gateway.send("POST", "/upload", b"jpeg", {"content-type": "Image/JPEG; q=1"})

    assert answer.json["name"] == "image.jpg"


def test_a_body_of_the_largest_size_is_taken_and_one_byte_more_is_shown_the_other_way(
    gateway: Gateway, stage: Stage
) -> None:
    largest = gateway.send("POST", "/upload", b"x" * 4_500_000, {"content-type": "image/png"})
    larger = gateway.send("POST", "/upload", b"x" * 4_500_001, {"content-type": "image/png"})

    assert (largest.status, larger.status) == (201, 413)
    assert larger.json["detail"].startswith("The body has 4500001 bytes; the limit is 4500000.")
    assert "POST /uploads" in larger.json["detail"]
    assert len(stage.items()) == 1


@pytest.mark.parametrize(
    "content_type", ["application/x-www-form-urlencoded", "image/svg+xml", "text/html", "image/x-adobe-dng"]
)
def test_a_body_of_another_type_is_told_which_there_are(gateway: Gateway, content_type: str) -> None:
    answer = gateway.send("POST", "/upload", b"x", {"content-type": content_type})

    assert answer.status == 415
    assert "image/jpeg" in answer.json["detail"]


TYPES = [
    ("image/jpg", "cat", "image/jpeg"),
    ("IMAGE/PJPEG", "cat.png", "image/jpeg"),
    ("image/x-png", "cat", "image/png"),
    ("application/octet-stream", "cat.JPG", "image/jpeg"),
    ("application/octet-stream", "a.b.heic", "image/heic"),
    ("binary/octet-stream", "c.tif", "image/tiff"),
    ("", "cat.webp", "image/webp"),
    ("", "cat", "application/octet-stream"),
    ("image/x-unheard-of", "cat.bmp", "image/bmp"),
]


@pytest.mark.parametrize(("declared_type", "name", "kind"), TYPES)
def test_what_browsers_and_sdks_declare_is_taken_by_type_or_name_in_both_ways(
    gateway: Gateway, stage: Stage, declared_type: str, name: str, kind: str
) -> None:
    (upload,) = uploads(gateway, declared(name, declared_type))
    answer = gateway.send("POST", f"/upload?name={name}", b"x", {"content-type": declared_type})

    head = stage.s3.head_object(Bucket="uploads", Key=key(answer.json["id"]))
    assert upload["upload"]["fields"]["Content-Type"] == kind
    assert {"Content-Type": kind} in policy(upload)["conditions"]
    assert (answer.status, answer.json["content_type"], head["ContentType"]) == (201, kind, kind)


def test_curl_that_was_told_no_type_is_understood_by_the_name(gateway: Gateway) -> None:
    headers = {"content-type": "application/x-www-form-urlencoded"}

    assert gateway.send("POST", "/upload?name=cat.jpg", b"x", headers).json["content_type"] == "image/jpeg"


def test_a_form_is_told_how_to_send_a_file(gateway: Gateway, stage: Stage) -> None:
    headers = {"content-type": "multipart/form-data; boundary=x"}

    answer = gateway.send("POST", "/upload?name=cat.jpg", b"--x\r\n", headers)

    assert (answer.status, stage.items()) == (415, [])
    assert "the file's bytes as the whole body" in answer.json["detail"]
    assert "POST /uploads" in answer.json["detail"]


def send_once(
    gateway: Gateway, body: bytes = b"jpeg", *, name: str = "cat.jpg", idempotency: str = "batch-7/1"
) -> Answer:
    headers = {"content-type": "image/jpeg", "idempotency-key": idempotency}
    return gateway.send("POST", f"/upload?name={name}", body, headers)


def test_a_repeat_with_its_key_is_the_same_image_for_a_day(gateway: Gateway, stage: Stage, clock: Clock) -> None:
    first = send_once(gateway)
    clock.now += 3
    stage.finish(first.json["id"])
    stored = stage.s3.head_object(Bucket="uploads", Key=key(first.json["id"]))["LastModified"]
    clock.now += 24 * 3600 - 4

    again = send_once(gateway)

    assert (first.status, again.status) == (201, 201)
    assert (first.json["status"], again.json["status"]) == ("waiting", "done")
    assert again.json["id"] == first.json["id"]
    assert "Retry-After" not in again.headers
    assert len(stage.items()) == 2  # its owner and its record
    assert stage.s3.head_object(Bucket="uploads", Key=key(first.json["id"]))["LastModified"] == stored
    clock.now += 2 * 3600
    assert send_once(gateway).json["id"] != first.json["id"]


def test_a_key_with_another_body_is_a_conflict(gateway: Gateway, stage: Stage) -> None:
    first = send_once(gateway)

    other = send_once(gateway, b"another")

    assert other.status == 409
    assert "Idempotency-Key" in other.json["detail"]
    assert stage.s3.get_object(Bucket="uploads", Key=key(first.json["id"]))["Body"].read() == b"jpeg"


@pytest.mark.parametrize(("name", "idempotency"), [("dog.jpg", "batch-7/1"), ("cat.jpg", "batch-7/2")])
def test_another_key_or_name_is_another_image(gateway: Gateway, name: str, idempotency: str) -> None:
    assert send_once(gateway).json["id"] != send_once(gateway, name=name, idempotency=idempotency).json["id"]


def test_a_key_is_its_callers_own(gateway: Gateway, stage: Stage) -> None:
    assert send_once(gateway).json["id"] != send_once(Gateway(caller="berta")).json["id"]


def test_a_repeat_ends_what_was_interrupted_before_the_file_was_stored(gateway: Gateway, stage: Stage) -> None:
    first = send_once(gateway)
    stage.s3.delete_object(Bucket="uploads", Key=key(first.json["id"]))

    again = send_once(gateway)

    assert (again.status, again.json["id"]) == (201, first.json["id"])
    assert stage.s3.get_object(Bucket="uploads", Key=key(first.json["id"]))["Body"].read() == b"jpeg"


def test_an_upload_with_a_key_is_as_old_as_it_is_and_not_as_its_hour(
    gateway: Gateway, stage: Stage, clock: Clock
) -> None:
    clock.now += 1800

    answer = send_once(gateway)

    assert answer.json["requested_at"] == "2027-01-15T08:30:00Z"
    assert gateway.get(f"/images/{answer.json['id']}").headers["Retry-After"] == "1"


@pytest.mark.parametrize("idempotency", ["", "a b", "a" * 256, "\u00e9"])
def test_a_key_that_is_none_is_refused(gateway: Gateway, stage: Stage, idempotency: str) -> None:
    assert send_once(gateway, idempotency=idempotency).status == 400
    assert stage.items() == []


@pytest.mark.parametrize(
    ("query", "name"), [("", "image"), ("?name=cat", "cat"), ("?name=jpg", "jpg"), ("?name=a.svg", "a.svg")]
)
def test_bytes_without_a_known_extension_are_left_to_the_consumer(gateway: Gateway, query: str, name: str) -> None:
    answer = gateway.send("POST", f"/upload{query}", b"x", {"content-type": "application/octet-stream"})

    assert (answer.status, answer.json["name"]) == (201, name)
    assert answer.json["content_type"] == "application/octet-stream"


def test_an_empty_body_is_no_image(gateway: Gateway) -> None:
    assert gateway.send("POST", "/upload", b"", {"content-type": "image/png"}).status == 400


@pytest.mark.parametrize("query", ["name=", "name=IMG_1.MOV", "name=a&name=b", f"name={'a' * 256}", "title=cat"])
def test_a_query_that_makes_no_sense_is_refused(gateway: Gateway, query: str) -> None:
    assert gateway.send("POST", f"/upload?{query}", b"x", {"content-type": "image/png"}).status == 422
