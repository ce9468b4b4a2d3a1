"""``darkroom show``: what is known of one photo, from the bucket, the ledger and the variants."""

import json
import shlex
import urllib.parse
import urllib.request
from collections import defaultdict
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from ops.cli.main import make_app
from ops.cli.recipes import read_recipe
from ops.cli.show.command import advice, document
from ops.cli.show.facts import ObjectFacts, key_of
from ops.cli.stage import Stage
from ops.errors import UsageError
from processing.ledger import Record, Status, Version
from tests.ops.cli.embedded import jpeg, prefix_of, put, stage_of, use, wait_for, wait_until

CAT = Version("uploads", "images/a.jpg", "e1")


@pytest.fixture
def stage(stack):
    return stage_of(stack)


@pytest.fixture
def show(stack, monkeypatch):
    """Runs the command: its exit code, standard output and standard error."""
    use(monkeypatch, stack)
    return lambda *words: CliRunner().invoke(make_app(), ["show", *words, "--stage", "local"])


@pytest.fixture
def done(stage):
    """The key and the ETag of a photo that went through."""
    key = f"{prefix_of(stage)}cat.jpg"
    etag = put(stage, key, jpeg())
    wait_for(stage, [(key, etag)], "DONE")
    return key, etag


def known(result):
    return json.loads(result.stdout)


def test_a_finished_photo_is_shown_with_its_version_and_its_variants(show, done):
    key, etag = done

    said = known(show(key, "--json"))

    assert said["in_bucket"]["etag"] == said["variants_of"] == etag
    assert (said["in_bucket"]["size"], said["in_bucket"]["content_type"]) == (len(jpeg()), "binary/octet-stream")
    (version,) = said["versions"]
    assert (version["status"], version["attempts"], version["in_bucket"]) == ("DONE", 1, True)
    assert set(version["timings"]) >= {"fetch", "render", "publish"}
    assert version["placeholder"].startswith("data:image/webp;base64,UklGR")
    assert len(bytes.fromhex(version["color"].removeprefix("#"))) == 3
    assert [(each["name"], each["now"]) for each in said["variants"]] == [
        ("desktop", "there"),
        ("tablet", "there"),
        ("phone", "there"),
    ]


def test_a_photo_that_became_a_jpeg_is_shown_under_its_variants_own_names(show, stage):
    key = f"{prefix_of(stage)}scan.tif"
    wait_for(stage, [(key, put(stage, key, jpeg()))], "DONE")

    said = known(show(key, "--json"))

    below = key.removeprefix(stage.uploads_prefix)
    assert [(each["key"], each["now"]) for each in said["variants"]] == [
        (f"{name}/{below}.jpg", "there") for name in ("desktop", "tablet", "phone")
    ]
    assert "current" in show(key).stdout


def test_the_page_tells_the_same_to_people(show, done):
    result = show(done[0])

    assert result.exit_code == 0
    facts = ("in the bucket now", "DONE", "jpeg RGB 96×64", "current", "desktop", "there")  # noqa: RUF001
    for fact in (*facts, "data:image/webp;base64,UklGR", "color        #"):
        assert fact in result.stdout
    assert result.stderr == ""


def test_links_are_signed_with_version_4_and_work_for_the_time_that_was_asked(show, done):
    said = known(show(done[0], "--link-minutes", "5", "--json"))

    for link in [said["in_bucket"]["link"], *(each["link"] for each in said["variants"])]:
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(link).query)
        assert query["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]
        assert query["X-Amz-Expires"] == ["300"]
    with urllib.request.urlopen(said["in_bucket"]["link"]) as answer:
        assert answer.read() == jpeg()


def test_each_variant_is_shown_with_its_state(show, done, stage):
    key, _ = done
    s3, bucket = stage.client("s3"), stage.variants_bucket
    names = {each["name"]: each for each in known(show(key, "--json"))["variants"]}
    kept = s3.head_object(Bucket=bucket, Key=names["tablet"]["key"])["Metadata"]
    s3.delete_object(Bucket=bucket, Key=names["phone"]["key"])
    s3.put_object(Bucket=bucket, Key=names["tablet"]["key"], Metadata=kept | {"source-etag": "other"})
    s3.put_object(Bucket=bucket, Key=names["desktop"]["key"], Metadata=kept | {"fingerprint": "other"})

    result = show(key, "--json")

    assert {each["name"]: each["now"] for each in known(result)["variants"]} == {
        "desktop": "outdated",
        "tablet": "of another version",
        "phone": "missing",
    }
    assert [each["link"] for each in known(result)["variants"] if each["name"] == "phone"] == [""]
    assert f"darkroom backfill --prefix {key} --stage local" in show(key).stderr


def test_a_variant_that_was_added_to_the_recipe_is_missing(show, done, stage, monkeypatch):
    today = read_recipe()
    poster = replace(today.variants[0], name="poster")
    monkeypatch.setattr(
        "ops.cli.show.command.recipe_of", lambda _stage: replace(today, variants=(*today.variants, poster))
    )

    states = {each["name"]: each["now"] for each in known(show(done[0], "--json"))["variants"]}

    assert states == {"desktop": "there", "tablet": "there", "phone": "there", "poster": "missing"}
    assert "to make: poster" in show(done[0]).stdout


def test_every_version_is_shown_the_last_change_first(show, done, stage):
    key, old = done
    new = put(stage, key, jpeg()[:400])
    wait_for(stage, [(key, new)], "REJECTED")

    said = known(show(key, "--json"))

    versions = {each["etag"]: each for each in said["versions"]}
    assert set(versions) == {old, new}
    assert (versions[new]["status"], versions[new]["cause"]) == ("REJECTED", "CorruptImage")
    assert [each["etag"] for each in said["versions"] if each["in_bucket"]] == [new]
    assert said["variants_of"] == old
    assert f"darkroom dlq list --where {key} --stage local" in show(key).stderr


def test_a_suggested_command_can_be_pasted_whatever_the_key(show, stage):
    prefix = prefix_of(stage)
    key = f"{prefix}[a] it's *.jpg"
    wait_for(stage, [(key, put(stage, key, jpeg()[:400]))], "REJECTED")

    said = show(key).stderr

    where = f"{prefix}[[]a] it's [*].jpg"
    assert f"--where {shlex.quote(where)} --stage local\n" in said
    assert f"darkroom replay {shlex.quote(key)} --stage local\n" in said


def test_what_was_uploaded_again_after_a_broken_version_stands_as_it_did(show, done, stage):
    key, old = done
    new = put(stage, key, jpeg()[:400])
    wait_for(stage, [(key, new)], "REJECTED")
    broken, told = known(show(key, "--json")), show(key)
    assert put(stage, key, jpeg()) == old

    said, again = known(show(key, "--json")), show(key)

    assert (broken["current"], broken["status"]) == (new, "REJECTED")
    assert (said["current"], said["status"], said["variants_of"]) == (old, "DONE", old)
    assert "Its message may be a dead letter" in told.stderr
    assert "darkroom replay" in told.stderr
    assert "The message of another version may be a dead letter" in again.stderr
    assert "darkroom replay" not in again.stderr


@pytest.mark.parametrize(
    ("record", "status", "is_dead"),
    [
        (Record(CAT, Status.FAILED, attempts=9), "FAILED, retried automatically", False),
        (Record(CAT, Status.FAILED, attempts=2, last_receive=True), "FAILED, given up", True),
        (Record(CAT, Status.IN_PROGRESS, lease_until=1, last_receive=True), "IN_PROGRESS, given up", True),
        (Record(CAT, Status.IN_PROGRESS, lease_until=1), "IN_PROGRESS, interrupted: retried automatically", False),
        (None, "not started", False),
    ],
)
def test_whether_anything_more_will_happen_is_told(record, status, is_dead):
    facts = ObjectFacts("uploads", "images/a.jpg", None, "", [record] if record else [], record, [], None)
    stage = Stage.of("local", "eu-west-1", defaultdict(str), lambda _service: None)

    assert document(facts)["status"].startswith(status)
    assert any("dead letter" in sentence for sentence in advice(facts, stage)) == is_dead


def test_an_object_that_is_gone_is_shown_from_the_ledger(show, done, stage):
    key, etag = done
    stage.client("s3").delete_object(Bucket=stage.uploads_bucket, Key=key)

    said = known(show(key, "--json"))

    assert said["in_bucket"] is None
    assert [(each["etag"], each["in_bucket"]) for each in said["versions"]] == [(etag, False)]
    assert "not in the bucket now" in show(key).stdout


def test_an_object_the_ledger_does_not_know_says_what_sends_it_through(show, stage, stack):
    key, command = f"{prefix_of(stage)}waits.jpg", CliRunner().invoke
    command(make_app(), ["pause", "--stage", "local"])
    wait_until(lambda: stack.player.paused)
    try:
        etag = put(stage, key, jpeg())
        result = show(key)
    finally:
        command(make_app(), ["resume", "--stage", "local"])

    assert result.exit_code == 0
    assert f"darkroom backfill --prefix {key} --missing --stage local" in result.stderr
    wait_for(stage, [(key, etag)], "DONE")


def test_what_is_neither_in_the_bucket_nor_in_the_table_is_a_failure(show):
    result = show("images/nothing.jpg")

    assert result.exit_code == 1
    assert result.stdout == ""
    assert "images/nothing.jpg is neither in the bucket nor in the images table" in result.stderr


@pytest.mark.parametrize("form", ["{key}", "{bare}", "{bucket}/{key}", "s3://{bucket}/{key}"])
def test_an_object_is_named_in_any_form(stage, form):
    key = f"{stage.uploads_prefix}a/cat.jpg"
    name = form.format(key=key, bare="a/cat.jpg", bucket=stage.uploads_bucket)

    assert key_of(stage, name) == key


def test_where_the_whole_bucket_is_uploads_every_key_is_one(stage):
    whole = replace(stage, uploads_prefix="")

    assert key_of(whole, "2016/cat.jpg") == key_of(whole, f"s3://{stage.uploads_bucket}/2016/cat.jpg") == "2016/cat.jpg"


def test_an_object_of_another_bucket_is_refused(stage):
    with pytest.raises(UsageError, match=r"s3://other/cat\.jpg is not in this stage's bucket"):
        key_of(stage, "s3://other/cat.jpg")
