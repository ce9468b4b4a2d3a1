"""Operators list every image below a prefix, whoever uploaded it and how, in pages; other callers do not."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import pytest

from api.ids import id_of, is_id
from handlers import api
from processing.ledger import Delivery, Reason, Status
from tests.api.conftest import Stage
from tests.api.gateway import Answer, Gateway
from tests.api.test_every_image import claim, finish, put
from tests.api.test_every_image import olga as olga
from tests.api.test_routes import Broken

PREFIX = "images/"


class Counted:
    """A client that remembers which of its operations were called."""

    def __init__(self, client: Any, asked: list[str]) -> None:
        self._client = client
        self._asked = asked

    def __getattr__(self, name: str) -> Any:
        self._asked.append(name)
        return getattr(self._client, name)


def listed(gateway: Gateway, **more: object) -> Answer:
    query = {"prefix": PREFIX, **more}
    return gateway.get("/images?" + "&".join(f"{name}={quote(str(value))}" for name, value in query.items()))


def pages(gateway: Gateway, **more: object) -> Iterator[list[str]]:
    """The ids of each page, to the last."""
    page = listed(gateway, **more).json
    while True:
        yield [image["id"] for image in page["images"]]
        if page["next"] is None:
            return
        page = listed(gateway, **more, after=page["next"]).json


def ids(*keys: str) -> list[str]:
    return [id_of(key, prefix=PREFIX) for key in keys]


def statuses(gateway: Gateway, **more: object) -> dict[str, str]:
    return {image["name"]: image["status"] for image in listed(gateway, **more).json["images"]}


def test_an_operator_lists_every_object_in_the_order_of_keys_and_in_pages(
    olga: Gateway, stage: Stage, image_id: str
) -> None:
    keys = ["images/2026/Zoë & co/cat #1.jpg", f"images/2027-01-15/{image_id}", "images/a + b.jpg", "images/b/c.jpg"]
    for key in (*reversed(keys), "images/.DS_Store", "other/d.jpg"):
        put(stage, key)
    put(stage, "images/", b"")
    put(stage, "images/b/", b"")

    assert [each for page in pages(olga, limit=1) for each in page] == ids(*keys)
    assert list(pages(olga, limit=5)) == [ids(*keys[:3]), ids(keys[3])]  # with .DS_Store and the folder b/
    assert list(pages(olga)) == [ids(*keys)]
    assert list(pages(olga, prefix="images/2")) == [ids(*keys[:2])]
    assert [is_id(each) for each in ids(*keys)] == [False, True, False, False]


def test_each_image_has_the_status_that_it_has_by_its_id(olga: Gateway, stage: Stage) -> None:
    finish(stage, put(stage, "images/done.jpg"), "images/done.jpg")
    finish(stage, put(stage, "images/new version.jpg", b"A"), "images/new version.jpg")
    put(stage, "images/new version.jpg", b"B")
    refused = put(stage, "images/refused.jpg")
    delivery = Delivery("m1", 1)
    stage.ledger.reject(claim(stage, refused, "images/refused.jpg"), Reason("CorruptImage", "broken off"), delivery)
    stage.ledger.close(claim(stage, put(stage, "images/back.jpg"), "images/back.jpg"), Status.SUPERSEDED)
    put(stage, "images/unseen.jpg")
    finish(stage, "e1", "images/gone.jpg")

    images = {image["name"]: image for image in listed(olga).json["images"]}

    assert {name: image["status"] for name, image in images.items()} == {
        "back.jpg": "waiting",
        "done.jpg": "done",
        "new version.jpg": "waiting",
        "refused.jpg": "rejected",
        "unseen.jpg": "waiting",
    }
    done, unseen = images["done.jpg"], images["unseen.jpg"]
    alone = olga.get(f"/images/{done['id']}").json
    assert done == {name: value for name, value in alone.items() if name != "original"}
    assert (unseen["size"], "content_type" in unseen) == (4, False)


def test_a_page_takes_one_listing_and_one_read_of_records(
    olga: Gateway, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(50):
        put(stage, f"images/{number:02}.jpg")
    asked: list[str] = []
    service = api.api()
    for port, client in ((service.objects, "_s3"), (service.versions._table, "_dynamodb")):
        monkeypatch.setattr(port, client, Counted(getattr(port, client), asked))

    assert len(listed(olga, limit=50).json["images"]) == 50
    assert asked == ["list_objects_v2", "batch_get_item"]


def test_a_status_filters_a_page_after_it_was_read(olga: Gateway, stage: Stage) -> None:
    finish(stage, put(stage, "images/b.jpg"), "images/b.jpg")
    put(stage, "images/a.jpg")

    first = listed(olga, status="done", limit=1).json

    assert (first["images"], first["next"]) == ([], "images/a.jpg")
    assert statuses(olga, status="done", after=first["next"]) == {"b.jpg": "done"}


def test_a_list_says_when_to_ask_again_and_is_not_sent_twice(olga: Gateway, stage: Stage) -> None:
    put(stage, "images/a.jpg")
    first = listed(olga)

    again = olga.get("/images?prefix=images/", if_none_match=first.headers["ETag"])

    assert ("Retry-After" in first.headers, again.status) == (True, 304)


def test_callers_who_are_no_operators_list_nothing_by_prefix(
    gateway: Gateway, stage: Stage, image_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = f"images/2027-01-15/{image_id}"
    put(stage, key)
    monkeypatch.setattr(api.api().objects, "_s3", Broken(AssertionError("asked S3")))

    for prefix in (PREFIX, key):
        answer = listed(gateway, prefix=prefix)

        assert (answer.status, answer.json["detail"]) == (
            *(403, "Only operators list by prefix. Leave it out to list your own images."),
        )


def test_an_operator_of_a_stage_with_no_prefix_lists_the_whole_bucket(
    olga: Gateway, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(stage, "b.jpg")
    put(stage, "images/a.jpg")
    service = api.api()
    other = replace(service, settings=replace(service.settings, uploads_prefix=""))
    monkeypatch.setattr(api, "api", lambda: other)

    assert [image["name"] for image in listed(olga, prefix="").json["images"]] == ["b.jpg", "a.jpg"]


@pytest.mark.parametrize("query", [{"prefix": f"images/{'é' * 509}"}, {"prefix": "images/a\0"}, {"after": "images/\0"}])
def test_what_no_key_begins_with_is_asked_of_nobody(
    olga: Gateway, monkeypatch: pytest.MonkeyPatch, query: dict[str, str]
) -> None:
    monkeypatch.setattr(api.api().objects, "_s3", Broken(AssertionError("asked S3")))

    assert listed(olga, **query).json == {"images": [], "next": None}


@pytest.mark.parametrize(
    ("query", "paths"),
    [
        ("prefix=other/", ["?prefix"]),
        ("prefix=", ["?prefix"]),
        ("prefix=images/&after=other/a.jpg", ["?after"]),
        ("prefix=images/&after=images/", ["?after"]),
        ("prefix=images/&limit=51", ["?limit"]),
        ("prefix=images/&cursor=images/a.jpg", ["?cursor"]),
        ("prefix=images/&prefix=images/a", ["?prefix"]),
    ],
)
def test_a_query_that_names_nothing_of_this_stage_is_refused(olga: Gateway, query: str, paths: list[str]) -> None:
    answer = olga.get(f"/images?{query}")

    assert (answer.status, [fault["path"] for fault in answer.json["errors"]]) == (422, paths)
