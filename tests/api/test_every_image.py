"""Every image is known by key and by id, whoever uploaded it and how; and who may see which."""

from dataclasses import replace
from typing import Any
from urllib.parse import quote

import pytest

from api.ids import id_of
from handlers import api
from processing.ledger import REMOVED_KEY, Delivery, ImageRecord, Reason, Status, VariantRecord, Version
from tests.api.conftest import BEGINNING, Clock, Stage, declared
from tests.api.gateway import Gateway, event
from tests.api.test_routes import Broken
from tests.builders import client_error

KEY = "images/2026/Zoë & co/cat #1.jpg"
IMAGE = ImageRecord("jpeg", "RGB", 4000, 3000, 4, "image/jpeg", False, None, (), ())


@pytest.fixture
def olga(gateway: Gateway) -> Gateway:
    """The gateway as an operator uses it."""
    gateway.caller = "olga"
    return gateway


def put(stage: Stage, key: str = KEY, body: bytes = b"jpeg") -> str:
    """Upload an object as any S3 client does, and say its ETag."""
    return str(stage.s3.put_object(Bucket="uploads", Key=key, Body=body, ContentType="image/jpeg")["ETag"].strip('"'))


def claim(stage: Stage, etag: str, key: str = KEY) -> Any:
    about = {"uploaded_at": "2027-01-15T08:00:05.000Z"}
    return stage.ledger.claim(Version("uploads", key, etag), Delivery("m1", 1), about=about)


def finish(stage: Stage, etag: str, key: str = KEY) -> None:
    made = (VariantRecord("phone", f"phone/{key.removeprefix('images/')}", "jpeg", 480, 360, 99),)
    stage.ledger.complete(claim(stage, etag, key), replace(IMAGE, variants=made))


def by_key(gateway: Gateway, key: str = KEY) -> list[dict[str, Any]]:
    images: list[dict[str, Any]] = gateway.get(f"/images?key={quote(key)}").json["images"]
    return images


def test_an_operator_finds_an_object_by_its_key_and_then_by_its_id(olga: Gateway, stage: Stage) -> None:
    finish(stage, put(stage))

    (found,) = by_key(olga)
    image = olga.get(f"/images/{found['id']}").json

    assert (image["id"], image["name"], image["status"]) == (found["id"], "cat #1.jpg", "done")
    assert (image["content_type"], image["size"]) == ("image/jpeg", 4)
    assert image["location"] == f"/dev/images/{found['id']}"
    assert olga.get(f"/images/{found['id']}/phone").status == 302


def test_an_object_that_the_consumer_has_not_seen_waits(olga: Gateway, stage: Stage) -> None:
    put(stage)

    answer = olga.get(f"/images?key={quote(KEY)}")

    assert [image["status"] for image in answer.json["images"]] == ["waiting"]
    assert "Retry-After" in answer.headers


def test_an_overwritten_object_waits_until_its_new_version_is_done(olga: Gateway, stage: Stage) -> None:
    finish(stage, put(stage, body=b"A"))
    etag = put(stage, body=b"B")
    waiting = by_key(olga)[0]["status"]
    finish(stage, etag)

    assert (waiting, by_key(olga)[0]["status"]) == ("waiting", "done")


def test_an_object_that_is_gone_is_known_by_what_was_recorded(olga: Gateway, stage: Stage) -> None:
    finish(stage, "e1")

    (image,) = by_key(olga)

    assert (image["status"], image["content_type"], image["size"]) == ("done", "image/jpeg", 4)
    assert image["requested_at"] == "2027-01-15T08:00:05Z"


def test_a_rejected_object_that_is_gone_has_no_size(olga: Gateway, stage: Stage) -> None:
    stage.ledger.reject(claim(stage, "e1"), Reason("CorruptImage", "broken off"), Delivery("m1", 1))

    (image,) = by_key(olga)

    assert (image["status"], image["reason"]["class"]) == ("rejected", "CorruptImage")
    assert not {"size", "content_type"} & image.keys()


def test_an_object_of_another_uploaders_key_is_known_by_its_record(
    olga: Gateway, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.ledger.reject(claim(stage, "e1"), Reason("CustomerKeyRequired", "SSE-C"), Delivery("m1", 1))
    monkeypatch.setattr(api.api().objects, "_s3", Broken(client_error("400", 400, "HeadObject")))

    assert by_key(olga)[0]["reason"]["class"] == "CustomerKeyRequired"


def test_a_removed_object_is_told_and_has_no_original(olga: Gateway, stage: Stage, clock: Clock) -> None:
    finish(stage, "e1")
    clock.now += 1
    stage.ledger.close(claim(stage, REMOVED_KEY), Status.REMOVED)

    image = olga.get(f"/images/{id_of(KEY, prefix='images/')}").json

    assert (image["status"], image["reason"]["class"]) == ("rejected", "Removed")
    assert "original" not in image


def test_a_superseded_version_that_is_back_waits(olga: Gateway, stage: Stage) -> None:
    stage.ledger.close(claim(stage, put(stage)), Status.SUPERSEDED)

    assert by_key(olga)[0]["status"] == "waiting"


@pytest.mark.parametrize("key", [f"images/{'x' * 1018}", f"images/{'é' * 512}", "images/a\0b"])
def test_a_key_that_s3_does_not_take_is_asked_of_nobody(
    olga: Gateway, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setattr(api.api().objects, "_s3", Broken(AssertionError("asked S3")))

    assert by_key(olga, key) == []


def test_a_status_filters_the_image_of_a_key_as_it_filters_a_page(olga: Gateway, stage: Stage) -> None:
    finish(stage, put(stage))

    found = [olga.get(f"/images?status={each}&key={quote(KEY)}").json["images"] for each in ("done", "failed")]

    assert [len(images) for images in found] == [1, 0]


@pytest.mark.parametrize("key", ["images/2026/.DS_Store", "images/2026/", "images/2026/gone.jpg"])
def test_what_is_no_image_or_not_there_is_not_found(olga: Gateway, stage: Stage, key: str) -> None:
    if "gone" not in key:
        put(stage, key, b"" if key.endswith("/") else b"x")

    assert by_key(olga, key) == []
    assert olga.get(f"/images/{id_of(key, prefix='images/')}").status == 404


def test_a_caller_finds_its_own_image_by_key_and_nobody_elses(gateway: Gateway, stage: Stage, image_id: str) -> None:
    key = f"images/2027-01-15/{image_id}"
    finish(stage, put(stage))
    finish(stage, put(stage, key), key)

    mine, others = by_key(gateway, key), by_key(gateway)
    gateway.caller = "ben"
    of_ben = by_key(gateway, key)

    assert ([image["id"] for image in mine], others, of_ben) == ([image_id], [], [])
    assert gateway.get(f"/images/{id_of(KEY, prefix='images/')}").status == 404


def test_an_operator_sees_the_images_of_callers_under_the_same_ids_for_ever(
    gateway: Gateway, stage: Stage, clock: Clock, image_id: str
) -> None:
    key = f"images/2027-01-15/{image_id}"
    finish(stage, put(stage, key), key)
    gateway.caller = "olga"
    clock.now += 400 * 24 * 3600

    image = gateway.get(f"/images/{image_id}").json

    assert (image["id"], image["name"], image["status"]) == (image_id, "cat.jpg", "done")
    assert by_key(gateway, key)[0]["id"] == image_id


def test_an_operators_list_has_its_own_images_alone(gateway: Gateway, image_id: str) -> None:
    gateway.caller = "olga"

    assert gateway.get("/images").json["images"] == []


@pytest.mark.parametrize(
    ("authorizer", "operators", "identity", "claims", "sees"),
    [
        ("api-key", "k1,k2", {"apiKeyId": "k2"}, {}, True),
        ("api-key", "k1", {"apiKeyId": "k2", "caller": "k1"}, {"sub": "k1", "cognito:groups": "k1"}, False),
        ("api-key", "", {"apiKeyId": "k1"}, {}, False),
        ("iam", "AROA1", {"caller": "AROA1:ann"}, {}, True),
        ("iam", "AIDA1", {"caller": "AIDA1"}, {}, True),
        ("iam", "ann", {"caller": "AROA1:ann"}, {}, False),
        ("iam", "AROA1", {"caller": "AROA2:AROA1"}, {}, False),
        ("jwt", "curators", {}, {"sub": "u1", "cognito:groups": "staff,curators"}, True),
        ("jwt", "curators", {}, {"sub": "curators", "cognito:groups": "staff"}, False),
        ("jwt", "curators", {}, {"sub": "u1"}, False),
        ("jwt", "", {}, {"sub": "u1"}, False),
    ],
)
def test_an_operator_is_known_by_what_nobody_can_choose(
    stage: Stage,
    monkeypatch: pytest.MonkeyPatch,
    authorizer: str,
    operators: str,
    identity: dict[str, str],
    claims: dict[str, str],
    sees: bool,
) -> None:
    finish(stage, put(stage))
    listed = frozenset(filter(None, operators.split(",")))
    service = api.api()
    other = replace(service, settings=replace(service.settings, authorizer=authorizer, operators=listed))
    monkeypatch.setattr(api, "api", lambda: other)
    url = f"/images/{id_of(KEY, prefix='images/')}"
    given = event("GET", url, None, {}, stage="dev", caller=None)
    given["requestContext"] |= {"identity": identity, "authorizer": {"claims": claims}}

    assert (api.handler(given, None)["statusCode"] == 200) is sees


@pytest.mark.parametrize(
    ("query", "paths"),
    [
        ("key=other/cat.jpg", ["?key"]),
        ("key=images/", ["?key"]),
        ("key=", ["?key"]),
        ("key=a.jpg&limit=0", ["?limit", "?key"]),
        ("key=images/a.jpg&key=images/b.jpg", ["?key"]),
    ],
)
def test_a_key_that_can_be_no_images_is_refused(olga: Gateway, query: str, paths: list[str]) -> None:
    answer = olga.get(f"/images?{query}")

    assert (answer.status, [fault["path"] for fault in answer.json["errors"]]) == (422, paths)


def test_a_key_with_half_a_surrogate_pair_is_refused(stage: Stage) -> None:
    given = event("GET", "/images", None, {}, stage="dev", caller="olga")
    given["multiValueQueryStringParameters"] = {"key": ["images/\ud800.jpg"]}

    assert api.handler(given, None)["statusCode"] == 422


@pytest.mark.parametrize("image_id", ["k", "kA", "k====", "kYS5qcGc=", "kYS5qcGd", "kgICA", "k%C3%A9", "kAA", "a.jpg"])
def test_what_is_no_id_is_not_asked_for(olga: Gateway, monkeypatch: pytest.MonkeyPatch, image_id: str) -> None:
    for port, client in ((api.api().owners, "_dynamodb"), (api.api().objects, "_s3")):
        monkeypatch.setattr(port, client, Broken(AssertionError("asked AWS")))

    assert olga.get(f"/images/{image_id}").status == 404


def test_the_owner_has_a_link_to_the_original_once_processing_has_begun(
    gateway: Gateway, stage: Stage, image_id: str
) -> None:
    waiting = gateway.get(f"/images/{image_id}").json
    stage.finish(image_id)

    image = gateway.get(f"/images/{image_id}").json

    assert "original" not in waiting
    assert image["original"].startswith(f"https://uploads.s3.eu-west-1.amazonaws.com/images/2027-01-15/{image_id}?")
    assert "X-Amz-Expires=3600" in image["original"]
    assert "original" not in gateway.get("/images").json["images"][0]


def test_a_link_to_an_original_is_renewed_on_a_cdn_too(
    gateway: Gateway, stage: Stage, clock: Clock, image_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.finish(image_id)
    monkeypatch.setattr(api.api().objects, "_cdn", "https://pictures.example.com")
    first = gateway.get(f"/images/{image_id}")
    listed = gateway.get("/images")
    clock.now = BEGINNING + 1800

    assert gateway.get(f"/images/{image_id}", if_none_match=first.headers["ETag"]).status == 200
    assert gateway.get("/images", if_none_match=listed.headers["ETag"]).status == 304


def bytes_of(gateway: Gateway, image_id: str) -> Any:
    return gateway.get(f"/images/{image_id}/phone?redirect=false")


def test_a_program_gets_the_bytes_of_a_variant_without_a_redirect(
    gateway: Gateway, stage: Stage, image_id: str
) -> None:
    stage.finish(image_id)
    stage.s3.put_object(Bucket="variants", Key=f"phone/{image_id}", Body=b"\xff\xd8jpeg")

    answer = bytes_of(gateway, image_id)

    assert (answer.status, answer.content, answer.kind) == (200, b"\xff\xd8jpeg", "image/jpeg")
    assert answer.headers["Cache-Control"] == "private, no-cache"
    octets = gateway.get(f"/images/{image_id}/phone?redirect=false", accept="application/octet-stream")
    assert (octets.kind, octets.content) == ("application/octet-stream", answer.content)


def test_a_variant_of_4_5_mb_fits_into_a_response_of_lambda_and_a_larger_one_is_left_to_the_redirect(
    gateway: Gateway, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [upload["id"] for upload in gateway.post("/uploads", {"files": [declared()] * 2}).json["uploads"]]
    for image_id, size in zip(ids, (4_500_000, 4_500_001), strict=True):
        made = (VariantRecord("phone", f"phone/{image_id}", "jpeg", 8, 6, size),)
        stage.ledger.complete(stage.claim(image_id), replace(IMAGE, variants=made))
        stage.s3.put_object(Bucket="variants", Key=f"phone/{image_id}", Body=b"x" * size)

    fits, too_large = (bytes_of(gateway, image_id) for image_id in ids)

    assert (fits.status, len(fits.content)) == (200, 4_500_000)
    assert len(fits.body) < 6 * 1024 * 1024 - 50_000
    assert too_large.status == 413
    assert "follow the redirect" in too_large.json["detail"]


def test_a_variant_that_was_replaced_by_a_larger_one_or_deleted_is_not_sent(
    gateway: Gateway, stage: Stage, image_id: str
) -> None:
    stage.finish(image_id)
    deleted = bytes_of(gateway, image_id)
    stage.s3.put_object(Bucket="variants", Key=f"phone/{image_id}", Body=b"x" * 4_500_001)
    larger = bytes_of(gateway, image_id)

    assert (deleted.status, larger.status) == (404, 404)
    assert "again" in deleted.json["detail"]


@pytest.mark.parametrize("query", ["redirect=no", "redirect=false&redirect=true", "size=4"])
def test_a_query_of_a_variant_that_makes_no_sense_is_refused(gateway: Gateway, image_id: str, query: str) -> None:
    assert gateway.get(f"/images/{image_id}/phone?{query}").status == 422
