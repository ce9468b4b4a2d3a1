"""The srcset and the picture element of a finished image."""

from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest

from api.picture import picture_of
from handlers import api
from processing.ledger import VariantRecord
from tests.api.conftest import Stage
from tests.api.gateway import Gateway
from tests.api.test_every_image import IMAGE


def variant(name: str, kind: str, width: int, height: int) -> VariantRecord:
    return VariantRecord(name, f"{name}/cat.{kind}", kind, width, height, 99)


def ladder(*widths: int) -> list[VariantRecord]:
    return [
        variant(f"photo-{step}-{kind}", kind, width, width * 3 // 4)
        for step, width in zip((480, 960, 1600), widths, strict=True)
        for kind in ("jpeg", "avif", "webp")
    ]


def url(each: VariantRecord) -> str:
    return f"https://example.com/{each.key}"


class Tags(HTMLParser):
    """The tags of a text with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_each_format_has_its_srcset_the_best_first() -> None:
    shown = picture_of(ladder(480, 960, 1600), url, "100vw")

    assert list(shown["srcset"]) == ["image/avif", "image/webp", "image/jpeg"]
    assert shown["srcset"]["image/webp"] == (
        "https://example.com/photo-480-webp/cat.webp 480w, https://example.com/photo-960-webp/cat.webp 960w, "
        "https://example.com/photo-1600-webp/cat.webp 1600w"
    )


def test_a_width_that_a_small_original_does_not_reach_is_named_once() -> None:
    shown = picture_of(ladder(480, 700, 700), url, "100vw")

    assert [each.rpartition(" ")[2] for each in shown["srcset"]["image/avif"].split(", ")] == ["480w", "700w"]


def test_the_picture_element_falls_back_to_the_largest_jpeg_with_its_size() -> None:
    shown = picture_of(ladder(480, 960, 1600), url, "50vw")

    outer, *sources, image = Tags(shown["picture"]).found
    assert outer == ("picture", {})
    assert [each["type"] for _, each in sources] == ["image/avif", "image/webp"]
    assert image == (
        "img",
        {
            "src": "https://example.com/photo-1600-jpeg/cat.jpeg",
            "srcset": shown["srcset"]["image/jpeg"],
            "sizes": "50vw",
            "width": "1600",
            "height": "1200",
            "alt": "",
        },
    )


def test_a_picture_of_another_shape_is_no_step_of_the_same_srcset() -> None:
    square, upright = variant("card", "jpeg", 300, 300), variant("tall", "jpeg", 360, 480)

    shown = picture_of([square, *ladder(480, 960, 1600), upright, variant("odd", "jpeg", 333, 250)], url, "100vw")

    assert "card" not in shown["srcset"]["image/jpeg"]
    assert "tall" not in shown["srcset"]["image/jpeg"]
    assert "odd" in shown["srcset"]["image/jpeg"]


def test_formats_that_every_browser_shows_are_the_fallback_and_otherwise_what_there_is() -> None:
    transparent = picture_of([variant("a", "avif", 8, 6), variant("b", "png", 8, 6)], url, "100vw")
    modern = picture_of([variant("a", "avif", 8, 6), variant("b", "webp", 8, 6)], url, "100vw")

    assert Tags(transparent["picture"]).found[-1][1]["src"] == "https://example.com/b/cat.png"
    assert Tags(modern["picture"]).found[-1][1]["src"] == "https://example.com/b/cat.webp"


def test_every_value_is_escaped() -> None:
    evil = '"><script>alert(1)</script>'

    shown = picture_of(ladder(480, 960, 1600), lambda _each: f"https://example.com/?a=1&b={evil}", evil)

    assert "<script>" not in shown["picture"]
    assert Tags(shown["picture"]).found[-1][1]["sizes"] == evil


@pytest.fixture
def made(stage: Stage, image_id: str) -> str:
    stage.ledger.complete(stage.claim(image_id), replace(IMAGE, variants=tuple(ladder(480, 960, 1600))))
    return image_id


def test_with_a_cdn_an_image_has_its_picture_and_without_one_on_request(
    gateway: Gateway, made: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = gateway.get(f"/images/{made}").json
    wanted = gateway.get(f"/images/{made}?picture=true&sizes=50vw").json
    service = api.api()
    on_cdn = replace(service, settings=replace(service.settings, cdn_url="https://pictures.example.com"))
    monkeypatch.setattr(api, "api", lambda: on_cdn)
    with_cdn = gateway.get(f"/images/{made}").json
    unwanted = gateway.get(f"/images/{made}?picture=false").json

    assert [image.keys() >= {"srcset", "picture"} for image in (plain, wanted, with_cdn, unwanted)] == [
        *(False, True, True, False),
    ]
    assert 'sizes="50vw"' in wanted["picture"]
    assert "srcset" not in gateway.get("/images").json["images"][0]


def test_an_image_that_is_not_done_has_no_picture(gateway: Gateway, stage: Stage, image_id: str) -> None:
    stage.reject(image_id)

    assert "picture" not in gateway.get(f"/images/{image_id}?picture=true").json


@pytest.mark.parametrize(
    ("query", "paths"),
    [
        ("picture=yes", ["?picture"]),
        ("sizes=", ["?sizes"]),
        ("sizes=" + "x" * 501, ["?sizes"]),
        ("picture=1&sizes=", ["?picture", "?sizes"]),
        ("size=1", ["?size"]),
    ],
)
def test_a_view_that_makes_no_sense_is_refused(gateway: Gateway, image_id: str, query: str, paths: list[Any]) -> None:
    answer = gateway.get(f"/images/{image_id}?{query}")

    assert (answer.status, [fault["path"] for fault in answer.json["errors"]]) == (422, paths)
