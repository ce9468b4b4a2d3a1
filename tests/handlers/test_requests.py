"""What one image requests of S3 and DynamoDB, counted on the wire: the table that `darkroom estimate` uses."""

from collections.abc import Callable
from pathlib import Path

import pytest

from handlers import bootstrap, consumer
from handlers.clients import ANNOUNCED_BYTES, Deadlines, make_clients
from ops.cli.costs.requests import Requests, first_upload, overwrite, rebuilt, removed, repeated
from processing.errors import PreconditionFailed
from processing.storage.objects import NewVariant, S3Store
from tests.builders import created_body, removed_body
from tests.handlers.test_broken_answers import EXISTS, KEY, Desk, desk
from tests.handlers.test_consumer import Stack, invoke, jpeg, moto_server, stack
from tests.ops.local.conftest import wait_until
from tests.scripted_server import Early, scripted_server

__all__ = ["desk", "moto_server", "stack"]
RECIPE = bootstrap.RECIPE.read_text(encoding="utf-8")
PHONE = "[variants.phone]\n"
POSTER = "[variants.poster]\nwidth = 300\nheight = 300\n\n"

Deploy = Callable[[str], None]


@pytest.fixture
def deploy(stack: Stack, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Deploy:
    """Deploys another release, with this recipe."""

    def deploy(recipe: str) -> None:
        (tmp_path / "recipe.toml").write_text(recipe, encoding="utf-8")
        monkeypatch.setattr(bootstrap, "RECIPE", tmp_path / "recipe.toml")
        monkeypatch.setenv("CODE_VERSION", "another")
        consumer.consumer.cache_clear()

    return deploy


RELEASES = {
    "the same event again": (RECIPE, repeated(3)),
    "a release that adds an option which is off": (
        RECIPE.replace(PHONE, f"{PHONE}progressive = false\n"),
        repeated(3),
    ),
    "a fourth variant": (RECIPE.replace(PHONE, POSTER + PHONE), rebuilt(1, known=3, done=True)),
    "another quality of one variant": (
        RECIPE.replace("quality = 82", "quality = 60", 1),
        rebuilt(1, known=3, done=True),
    ),
}


def counted(stack: Stack) -> Requests:
    """What was requested since the last time; every PUT counts as a success."""
    found = stack.server.requests
    assert set(found) <= {"GetObject", "PutObject", "HeadObject", "UpdateItem"}
    requests = Requests(
        gets=found["GetObject"], puts=found["PutObject"], heads=found["HeadObject"], writes=found["UpdateItem"]
    )
    found.clear()
    return requests


@pytest.mark.parametrize(("recipe", "expected"), RELEASES.values(), ids=RELEASES)
def test_an_image_requests_only_what_its_changed_variants_need(
    stack: Stack, deploy: Deploy, recipe: str, expected: Requests
) -> None:
    event = created_body(KEY, stack.upload(KEY, jpeg()))
    assert invoke(event) == []
    assert counted(stack) == first_upload(3) == Requests(gets=1, puts=3, heads=1, writes=2)

    deploy(recipe)
    assert invoke(event) == []

    assert counted(stack) == expected
    assert invoke(event) == []
    assert counted(stack) == repeated(recipe.count("[variants."))


def test_a_removal_looks_for_the_original_twice_and_for_each_variant(stack: Stack) -> None:
    assert invoke(created_body(KEY, stack.upload(KEY, jpeg()))) == []
    stack.s3.delete_object(Bucket="uploads", Key=KEY)
    stack.server.requests.clear()

    assert invoke(removed_body(KEY)) == []

    assert stack.server.requests.pop("DeleteObject") == 3  # S3 charges none
    assert counted(stack) == removed(3)


@pytest.mark.parametrize("early", [False, True], ids=["after the body", "at the headers"])
def test_an_overwrite_sends_each_variant_twice_wherever_s3_refuses_it(desk: Desk, early: bool) -> None:
    stack, server = desk.stack, desk.server
    assert desk.invoke(created_body(KEY, stack.upload(KEY, jpeg())))
    etag = stack.upload(KEY, jpeg("red", (1600, 1200)))
    server.forget()
    if early:
        server.rule = lambda _operation, headers: Early(EXISTS) if "if-none-match" in headers else None

    assert desk.invoke(created_body(KEY, etag))

    asked = {name: server.requests.count(name) for name in ("GetObject", "PutObject", "HeadObject", "UpdateItem")}
    cost = overwrite(3)
    assert tuple(asked.values()) == (cost.gets, cost.puts + cost.refused, cost.heads, cost.writes) == (1, 6, 7, 2)
    sizes = sum(item["Size"] for item in stack.s3.list_objects_v2(Bucket="variants")["Contents"])
    assert server.body_bytes["PutObject"] == 2 * sizes


@pytest.mark.parametrize(("size", "sent"), [(ANNOUNCED_BYTES - 1, ANNOUNCED_BYTES - 1), (ANNOUNCED_BYTES, 0)])
def test_only_a_large_body_waits_until_s3_asks_for_it(monkeypatch: pytest.MonkeyPatch, size: int, sent: int) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
        monkeypatch.setenv(name, "testing")
    with scripted_server("http://127.0.0.1:1") as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        store = S3Store(
            make_clients(Deadlines(), connections=1).s3, uploads_bucket="uploads", variants_bucket="variants"
        )
        server.script("PutObject", [Early(EXISTS)])

        with pytest.raises(PreconditionFailed):
            store.put(NewVariant("phone/a.jpg", bytes(size), "image/jpeg", "e", "f", "no-cache"), over=None)
        wait_until(lambda: server.body_bytes["PutObject"] >= sent)  # the client has its answer before

    assert server.body_bytes["PutObject"] == sent
