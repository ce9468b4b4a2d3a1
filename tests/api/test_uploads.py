"""POST /uploads and POST /upload, through the handler."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from handlers import api
from handlers.api_bootstrap import build_api
from tests.api.conftest import ENVIRONMENT, Clock, Stage, declared, key
from tests.api.gateway import Gateway

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
    assert "POST /uploads" in larger.json["detail"]
    assert len(stage.items()) == 1


@pytest.mark.parametrize(
    "content_type", ["application/x-www-form-urlencoded", "image/svg+xml", "", "image/x-adobe-dng"]
)
def test_a_body_of_another_type_is_told_which_there_are(gateway: Gateway, content_type: str) -> None:
    answer = gateway.send("POST", "/upload", b"x", {"content-type": content_type})

    assert answer.status == 415
    assert "image/jpeg" in answer.json["detail"]


def test_an_empty_body_is_no_image(gateway: Gateway) -> None:
    assert gateway.send("POST", "/upload", b"", {"content-type": "image/png"}).status == 400


@pytest.mark.parametrize("query", ["name=", "name=IMG_1.MOV", "name=a&name=b", f"name={'a' * 256}", "title=cat"])
def test_a_query_that_makes_no_sense_is_refused(gateway: Gateway, query: str) -> None:
    assert gateway.send("POST", f"/upload?{query}", b"x", {"content-type": "image/png"}).status == 422
