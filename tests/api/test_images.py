"""GET /images..., through the handler: where an image stands, its variants, the caller's recent ones."""

from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from handlers import api
from handlers.api_bootstrap import build_api
from processing.ledger import REMOVED_KEY, Status
from tests.api.conftest import ENVIRONMENT, Clock, Stage, declared, key
from tests.api.gateway import Gateway

HALF_A_LINK = 1800
WITHIN_TIME = 900 + 3600


class Counted:
    """The client of the objects, which counts what it signs."""

    def __init__(self, objects: Any) -> None:
        self._client = objects._s3
        self.signed = 0

    def generate_presigned_url(self, *parameters: Any, **more: Any) -> Any:
        self.signed += 1
        return self._client.generate_presigned_url(*parameters, **more)


def give(gateway: Gateway, count: int) -> list[str]:
    answer = gateway.post("/uploads", {"files": [declared()] * count})
    return [upload["id"] for upload in answer.json["uploads"]]


def test_an_image_that_was_not_begun_waits(gateway: Gateway, image_id: str) -> None:
    image = gateway.get(f"/images/{image_id}").json

    assert (image["status"], image["variants"], image["size"]) == ("waiting", [], 1000)
    assert image["requested_at"] == "2027-01-15T08:00:00Z"
    assert image["upload_until"] == "2027-01-15T08:15:00Z"


def test_an_image_that_is_worked_on_is_processing(gateway: Gateway, stage: Stage, image_id: str) -> None:
    stage.claim(image_id)

    answer = gateway.get(f"/images/{image_id}")

    assert (answer.json["status"], answer.json["attempts"], answer.headers["Retry-After"]) == ("processing", 1, "2")


def test_a_finished_image_shows_its_metadata_and_links_and_nothing_more_will_happen(
    gateway: Gateway, stage: Stage, image_id: str
) -> None:
    stage.finish(image_id)

    answer = gateway.get(f"/images/{image_id}")

    image = answer.json
    assert (image["status"], image["lost"]) == ("done", ["animation"])
    assert image["metadata"] == {
        "format": "jpeg",
        "mode": "RGB",
        "width": 4000,
        "height": 3000,
        "transparency": False,
        "bytes": 3_123_456,
        "content_type": "image/jpeg",
        "uploaded_at": "2027-01-15T08:00:05.000Z",
        "created_date": None,
        "tags": [],
    }
    desktop, phone = image["variants"]
    assert desktop["location"] == f"/dev/images/{image_id}/desktop"
    assert desktop["url"].startswith(f"https://variants.s3.eu-west-1.amazonaws.com/desktop/{image_id}?")
    assert "X-Amz-Expires=3600" in phone["url"]
    assert "Retry-After" not in answer.headers


def test_a_finished_image_has_a_placeholder_and_a_color_alone_and_in_a_list(
    gateway: Gateway, stage: Stage, image_id: str
) -> None:
    stage.finish(image_id, placeholder="UklGRg==", color="#8a6b4f")

    alone = gateway.get(f"/images/{image_id}").json
    (listed,) = [each for each in gateway.get("/images").json["images"] if each["id"] == image_id]

    for image in (alone, listed):
        assert image["placeholder"] == "data:image/webp;base64,UklGRg=="
        assert image["color"] == "#8a6b4f"


def test_an_image_from_before_there_were_placeholders_has_none(gateway: Gateway, stage: Stage, image_id: str) -> None:
    stage.finish(image_id)

    assert not {"placeholder", "color"} & gateway.get(f"/images/{image_id}").json.keys()


@pytest.mark.parametrize(
    ("cause", "text"),
    [
        ("CorruptImage", "damaged"),
        ("UnsupportedFormat", "not an image in a supported format"),
        ("ImageTooLarge", "a limit of bytes, pixels, frames or memory"),
        ("RenderTimeout", "too long"),
        ("RenderCrash", "decoded"),
        ("RenderOutOfMemory", "memory"),
        ("UnusableKey", "name"),
        ("SomethingNew", "could not be processed"),
    ],
)
def test_a_rejected_image_says_why_and_what_to_do_and_is_final(
    gateway: Gateway, stage: Stage, image_id: str, cause: str, text: str
) -> None:
    stage.reject(image_id, cause, "what was seen")

    answer = gateway.get(f"/images/{image_id}")

    reason = answer.json["reason"]
    assert (answer.json["status"], reason["class"], reason["detail"]) == ("rejected", cause, "what was seen")
    assert text in reason["text"]
    assert reason["advice"].endswith(".")
    assert "Retry-After" not in answer.headers


def test_a_failed_image_is_tried_again_and_tells_nothing_of_our_insides(
    gateway: Gateway, stage: Stage, image_id: str
) -> None:
    stage.fail(image_id)

    answer = gateway.get(f"/images/{image_id}")

    assert (answer.json["status"], answer.json["retrying"]) == ("failed", True)
    assert answer.headers["Retry-After"] == "15"
    assert "secret" not in answer.body


def test_an_image_that_failed_in_its_last_receive_waits_for_an_operator(
    gateway: Gateway, stage: Stage, image_id: str
) -> None:
    """Whatever used up the receives before: two attempts are all that were made."""
    stage.fail(image_id)
    stage.fail(image_id, last=True)

    answer = gateway.get(f"/images/{image_id}")

    assert (answer.json["status"], answer.json["retrying"], answer.json["attempts"]) == ("failed", False, 2)
    assert "Retry-After" not in answer.headers


def test_an_image_that_was_redriven_is_tried_again_however_often_it_failed_before(
    gateway: Gateway, stage: Stage, image_id: str
) -> None:
    for last in (False, False, False, False, True, False):
        stage.fail(image_id, last=last)

    answer = gateway.get(f"/images/{image_id}")

    assert (answer.json["status"], answer.json["retrying"], answer.json["attempts"]) == ("failed", True, 6)


@pytest.mark.parametrize("last", [False, True])
def test_an_image_whose_worker_died_is_tried_again_unless_that_was_its_last_receive(
    gateway: Gateway, stage: Stage, clock: Clock, image_id: str, last: bool
) -> None:
    stage.claim(image_id, last=last)
    clock.now += 91

    image = gateway.get(f"/images/{image_id}").json
    assert (image["status"], image["retrying"]) == ("failed", not last)


@pytest.mark.parametrize(("last", "status"), [(False, "waiting"), (True, "failed")])
def test_an_image_whose_worker_gave_it_back_waits_unless_that_was_its_last_receive(
    gateway: Gateway, stage: Stage, image_id: str, last: bool, status: str
) -> None:
    stage.ledger.release(stage.claim(image_id, last=last))

    assert gateway.get(f"/images/{image_id}").json["status"] == status


def test_of_several_versions_the_one_that_is_there_counts(
    gateway: Gateway, stage: Stage, clock: Clock, image_id: str
) -> None:
    """A, a broken B, and A again: its message finds everything done, and writes nothing."""
    good = stage.upload(image_id, b"A")
    stage.finish(image_id, good)
    clock.now += 1
    stage.reject(image_id, etag=stage.upload(image_id, b"broken"))
    broken = gateway.get(f"/images/{image_id}").json["status"]
    stage.upload(image_id, b"A")

    assert broken == "rejected"
    assert gateway.get(f"/images/{image_id}").json["status"] == "done"
    assert gateway.get("/images").json["images"][0]["status"] == "done"
    assert gateway.get(f"/images/{image_id}/phone").status == 302


def test_a_version_that_is_there_and_not_begun_waits_whatever_became_of_the_others(
    gateway: Gateway, stage: Stage, image_id: str
) -> None:
    stage.reject(image_id, etag=stage.upload(image_id, b"broken"))
    stage.finish(image_id, stage.upload(image_id, b"A"))
    stage.upload(image_id, b"B")

    assert gateway.get(f"/images/{image_id}").json["status"] == "waiting"


def test_a_failure_of_an_older_version_that_comes_late_says_nothing(
    gateway: Gateway, stage: Stage, clock: Clock, image_id: str
) -> None:
    older = stage.upload(image_id, b"A")
    stage.finish(image_id, stage.upload(image_id, b"B"))
    clock.now += 1
    stage.fail(image_id, older)

    assert gateway.get(f"/images/{image_id}").json["status"] == "done"


def test_an_only_version_costs_no_look_at_the_bucket(
    gateway: Gateway, stage: Stage, image_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.finish(image_id)
    monkeypatch.setattr(api.api().objects, "_s3", Counted(api.api().objects))  # of which there is no head_object

    assert gateway.get(f"/images/{image_id}").json["status"] == "done"
    assert gateway.get("/images").json["images"][0]["status"] == "done"


def test_a_removed_original_is_told(gateway: Gateway, stage: Stage, clock: Clock, image_id: str) -> None:
    stage.finish(image_id)
    clock.now += 1
    stage.ledger.close(stage.claim(image_id, REMOVED_KEY), Status.REMOVED)

    image = gateway.get(f"/images/{image_id}").json
    assert (image["status"], image["reason"]["class"]) == ("rejected", "Removed")


def test_a_removal_that_comes_after_its_object_is_back_says_nothing(
    gateway: Gateway, stage: Stage, clock: Clock, image_id: str
) -> None:
    stage.finish(image_id, stage.upload(image_id))
    clock.now += 1
    stage.ledger.close(stage.claim(image_id, REMOVED_KEY), Status.REMOVED)

    assert gateway.get(f"/images/{image_id}").json["status"] == "done"


def test_a_removal_that_has_not_come_to_an_end_says_nothing(gateway: Gateway, stage: Stage, image_id: str) -> None:
    stage.finish(image_id)
    stage.claim(image_id, REMOVED_KEY)

    assert gateway.get(f"/images/{image_id}").json["status"] == "done"


def test_a_superseded_version_says_nothing(gateway: Gateway, stage: Stage, image_id: str) -> None:
    stage.ledger.close(stage.claim(image_id), Status.SUPERSEDED)

    assert gateway.get(f"/images/{image_id}").json["status"] == "waiting"


def test_a_form_that_was_never_used_comes_to_an_end_an_hour_after_its_life(
    gateway: Gateway, clock: Clock, image_id: str
) -> None:
    clock.now += WITHIN_TIME
    waiting = gateway.get(f"/images/{image_id}").json["status"]
    clock.now += 1

    answer = gateway.get(f"/images/{image_id}")

    assert waiting == "waiting"
    assert (answer.json["status"], answer.json["reason"]["class"]) == ("rejected", "NotUploaded")
    assert "Retry-After" not in answer.headers


def test_a_file_that_arrived_waits_however_long_its_turn_takes(
    gateway: Gateway, stage: Stage, clock: Clock, image_id: str
) -> None:
    stage.s3.put_object(Bucket="uploads", Key=key(image_id), Body=b"jpeg")
    clock.now += WITHIN_TIME + 1

    assert gateway.get(f"/images/{image_id}").json["status"] == "waiting"


@pytest.mark.parametrize(("age", "again"), [(0, "1"), (60, "6"), (3000, "30")])
def test_the_longer_an_image_waits_the_less_often_it_need_be_asked_for(
    gateway: Gateway, clock: Clock, image_id: str, age: int, again: str
) -> None:
    clock.now += age

    assert gateway.get(f"/images/{image_id}").headers["Retry-After"] == again


def test_what_has_not_changed_is_not_sent_again(gateway: Gateway, stage: Stage, image_id: str) -> None:
    first = gateway.get(f"/images/{image_id}")
    same = gateway.get(f"/images/{image_id}", if_none_match=f'"other", {first.headers["ETag"]}')
    stage.finish(image_id)
    other = gateway.get(f"/images/{image_id}", if_none_match=first.headers["ETag"])

    assert (same.status, same.body, same.headers["Retry-After"]) == (304, "", "1")
    assert same.headers["ETag"] == first.headers["ETag"]
    assert (other.status, other.json["status"]) == (200, "done")


@pytest.mark.parametrize("cdn", ["", "https://pictures.example.com"])
def test_links_for_a_download_are_s3s_and_have_browsers_save_the_file(
    gateway: Gateway, stage: Stage, image_id: str, monkeypatch: pytest.MonkeyPatch, cdn: str
) -> None:
    service = build_api({**ENVIRONMENT, "CDN_URL": cdn}, clock=stage.clock)
    monkeypatch.setattr(api, "api", lambda: service)
    stage.finish(image_id)

    image = gateway.get(f"/images/{image_id}?download=true").json

    for link in (image["original"], *(each["url"] for each in image["variants"])):
        assert 'attachment; filename="cat.jpg"' in unquote(link)
        assert ".amazonaws.com/" in link
    assert "attachment" not in unquote(gateway.get(f"/images/{image_id}").json["original"])
    assert gateway.get(f"/images/{image_id}?download=perhaps").status == 422


def test_links_are_renewed_when_half_their_life_is_over(
    gateway: Gateway, stage: Stage, clock: Clock, image_id: str
) -> None:
    stage.finish(image_id)
    first = gateway.get(f"/images/{image_id}")
    clock.now += HALF_A_LINK - 1
    same = gateway.get(f"/images/{image_id}", if_none_match=first.headers["ETag"])
    clock.now += 1
    renewed = gateway.get(f"/images/{image_id}", if_none_match=first.headers["ETag"])

    assert (first.status, same.status, renewed.status) == (200, 304, 200)


def test_a_link_stays_the_same_until_it_is_renewed(
    gateway: Gateway, stage: Stage, clock: Clock, image_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.finish(image_id)
    first = gateway.get(f"/images/{image_id}").json["variants"]
    counted = Counted(api.api().objects)
    monkeypatch.setattr(api.api().objects, "_s3", counted)
    clock.now += HALF_A_LINK - 1
    listed = gateway.get("/images").json["images"][0]["variants"]
    redirect = gateway.get(f"/images/{image_id}/phone").headers["Location"]
    unsigned = counted.signed
    clock.now += 1
    renewed = gateway.get(f"/images/{image_id}").json["variants"]

    assert listed == first
    assert redirect == first[1]["url"]
    assert (unsigned, counted.signed) == (0, len(renewed) + 1)  # and the original


@pytest.mark.parametrize("url", ["/images/{}", "/images/{}/desktop"])
def test_another_callers_image_is_as_unknown_as_one_that_never_was(
    gateway: Gateway, stage: Stage, image_id: str, url: str
) -> None:
    stage.finish(image_id)
    gateway.caller = "ben"

    theirs = gateway.get(url.format(image_id))
    nobodys = gateway.get(url.format(f"{'0' * 26}-x.jpg"))
    nonsense = gateway.get(url.format("..%2F..%2Fsecret"))

    assert theirs.status == nobodys.status == nonsense.status == 404
    assert theirs.body == nobodys.body == nonsense.body


def test_an_image_is_forgotten_when_its_time_is_over_although_dynamodb_has_not_removed_it(
    gateway: Gateway, stage: Stage, clock: Clock, image_id: str
) -> None:
    stage.finish(image_id)
    clock.now += 30 * 24 * 3600

    assert gateway.get(f"/images/{image_id}").status == 404
    assert gateway.get("/images").json == {"images": [], "next": None}


def test_a_variant_is_a_redirect_to_the_picture(gateway: Gateway, stage: Stage, image_id: str) -> None:
    stage.finish(image_id)

    answer = gateway.get(f"/images/{image_id}/phone")

    assert (answer.status, answer.body) == (302, "")
    assert answer.headers["Location"].startswith(f"https://variants.s3.eu-west-1.amazonaws.com/phone/{image_id}?")
    assert answer.headers["Cache-Control"] == "private, max-age=1800"


@pytest.mark.parametrize(
    ("name", "plain", "encoded"),
    [
        ("cat.jpg", "cat.jpg", "cat.jpg"),
        ("CAT.JPEG", "CAT.JPEG", "CAT.JPEG"),
        ("IMG_0001.HEIC", "IMG_0001.HEIC.jpg", "IMG_0001.HEIC.jpg"),
        ("cat", "cat.jpg", "cat.jpg"),
        ("se\u00f1ora.png", "se_ora.png.jpg", "se%C3%B1ora.png.jpg"),
        ('"; x="\r\n.jpg', "__ x____.jpg", "%22%3B%20x%3D%22%0D%0A.jpg"),
        ("\U0001f600" * 200, "_" * 96 + ".jpg", "%F0%9F%98%80" * 96 + ".jpg"),
    ],
    ids=["jpg", "JPEG", "HEIC", "bare", "not ASCII", "quoted", "long"],
)
def test_a_variant_is_saved_under_the_files_name_with_the_extension_of_its_format(
    gateway: Gateway, stage: Stage, name: str, plain: str, encoded: str
) -> None:
    (upload,) = gateway.post("/uploads", {"files": [declared(name)]}).json["uploads"]
    stage.finish(upload["id"])
    image = gateway.get(f"/images/{upload['id']}").json

    links = [variant["url"] for variant in image["variants"]]
    links.append(gateway.get(f"/images/{upload['id']}/phone").headers["Location"])
    assert {parse_qs(urlsplit(link).query)["response-content-disposition"][0] for link in links} == {
        f"inline; filename=\"{plain}\"; filename*=UTF-8''{encoded}"
    }
    assert max(map(len, links)) < 4000


def test_a_variant_that_may_still_come_says_when_to_ask_again(gateway: Gateway, stage: Stage, image_id: str) -> None:
    waiting = gateway.get(f"/images/{image_id}/phone")
    stage.finish(image_id)
    unknown = gateway.get(f"/images/{image_id}/poster")

    assert (waiting.status, waiting.headers["Retry-After"]) == (404, "1")
    assert unknown.status == 404
    assert "Retry-After" not in unknown.headers


def pages(gateway: Gateway, query: str = "") -> list[list[dict[str, Any]]]:
    """Every page, by their cursors."""
    found, cursor = [], None
    while True:
        answer = gateway.get("/images?" + "&".join(filter(None, [query, f"cursor={cursor}" if cursor else ""])))
        assert answer.status == 200
        found.append(answer.json["images"])
        cursor = answer.json["next"]
        if cursor is None:
            return found


def test_a_callers_images_come_newest_first_page_by_page_and_nobody_elses(gateway: Gateway, clock: Clock) -> None:
    ids = give(gateway, 3)
    clock.now += 1
    ids += give(gateway, 4)
    gateway.caller = "ben"
    give(gateway, 2)
    gateway.caller = "anna"

    found = pages(gateway, "limit=3")

    assert [image["id"] for page in found for image in page] == sorted(ids, reverse=True)
    assert [len(page) for page in found][:2] == [3, 3]


def test_a_status_chooses_within_each_page_and_the_cursor_goes_on(gateway: Gateway, stage: Stage) -> None:
    ids = give(gateway, 5)
    stage.finish(ids[0])
    stage.reject(ids[4])

    found = pages(gateway, "limit=2&status=done")

    assert [[image["id"] for image in page] for page in found][:3] == [[], [], [ids[0]]]


def test_twenty_are_shown_if_nobody_says_how_many_and_never_more_than_fifty(gateway: Gateway) -> None:
    give(gateway, 60)

    assert len(gateway.get("/images").json["images"]) == 20
    assert len(gateway.get("/images?limit=50").json["images"]) == 50


def test_a_list_need_be_asked_for_again_as_soon_as_its_most_lively_image_and_not_when_all_are_at_an_end(
    gateway: Gateway, stage: Stage, clock: Clock
) -> None:
    first, second = give(gateway, 2)
    clock.now += 100
    stage.claim(first)
    lively = gateway.get("/images")
    stage.reject(second)
    clock.now += 91
    stage.finish(first)
    ended = gateway.get("/images")

    assert lively.headers["Retry-After"] == "2"
    assert "Retry-After" not in ended.headers
    assert gateway.get("/images", if_none_match=ended.headers["ETag"]).status == 304


@pytest.mark.parametrize(
    ("query", "paths"),
    [
        ("limit=0", ["?limit"]),
        ("limit=51", ["?limit"]),
        ("limit=1e1", ["?limit"]),
        ("limit=%D9%A3", ["?limit"]),
        ("limit=" + "9" * 5000, ["?limit"]),
        ("limit=1&limit=2", ["?limit"]),
        ("status=finished&cursor=abc", ["?status", "?cursor"]),
        ("cursor=", ["?cursor"]),
        ("page=2", ["?page"]),
    ],
)
def test_a_query_that_makes_no_sense_is_refused_by_its_name(gateway: Gateway, query: str, paths: list[str]) -> None:
    answer = gateway.get(f"/images?{query}")

    assert (answer.status, [fault["path"] for fault in answer.json["errors"]]) == (422, paths)
