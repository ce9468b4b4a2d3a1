"""``darkroom replay`` on the embedded stack: the very version that failed, by the consumer's code, nothing written."""

import io
import json
import threading
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from ops.cli.dlq.selection import read_queue
from ops.cli.main import make_app
from tests.corpus.pictures import scene
from tests.ops.cli.embedded import (
    HEIC,
    jpeg,
    png,
    prefix_of,
    put,
    quiet_stage,
    stage_of,
    use,
    wait_for,
    wait_until,
    with_requirements,
)


@pytest.fixture
def live(stack, monkeypatch):
    use(monkeypatch, stack)
    return stage_of(stack)


@pytest.fixture
def quiet(stack, monkeypatch):
    """Nobody works on what is put here."""
    stage = quiet_stage(stack)
    monkeypatch.setattr("ops.cli.stage.find", lambda *_: stage)
    return stage


def run(*arguments):
    return CliRunner().invoke(make_app(), ["replay", "--stage", "local", *arguments])


def large():
    """A picture from which every variant has to be made smaller."""
    out = io.BytesIO()
    scene((2400, 1600)).save(out, "JPEG", quality=80)
    return out.getvalue()


def test_an_object_is_rendered_step_by_step_and_its_variants_are_those_of_the_service(live, tmp_path):
    key = f"{prefix_of(live)}cat.jpg"
    etag = put(live, key, large())
    wait_for(live, [(key, etag)], "DONE")

    result = run(key, "--json", "--out", str(tmp_path))

    document = json.loads(result.stdout)
    assert (result.exit_code, document["outcome"], document["etag"]) == (0, "rendered", etag)
    assert list(document["steps"])[:4] == ["fetch", "open", "losses", "decode"]
    assert {"shrink_stored", "shrink", "encode"} <= document["steps"].keys()
    assert document["source"] == {"format": "jpeg", "mode": "RGB", "width": 2400, "height": 1600}
    for variant in document["variants"]:
        published = f"{variant['name']}/{key.removeprefix(live.uploads_prefix)}"
        body = live.client("s3").get_object(Bucket=live.variants_bucket, Key=published)["Body"].read()
        assert Path(variant["file"]).read_bytes() == body


def test_the_steps_add_up_to_about_the_whole_and_the_memory_to_more_than_the_pixels(quiet):
    key = f"{prefix_of(quiet)}cat.jpg"
    put(quiet, key, large())
    document = json.loads(run(key, "--json").stdout)
    memory = document["memory"]

    assert 0.5 * document["milliseconds"] < sum(document["steps"].values()) <= document["milliseconds"]
    assert memory["peak"] - memory["before"] < memory["price"]


def test_people_see_a_table_of_steps_and_one_of_variants(quiet):
    key = f"{prefix_of(quiet)}cat.jpg"
    put(quiet, key, jpeg())
    result = run(key)

    assert result.exit_code == 0
    assert "what is there now; the images table has no record of it" in result.stdout
    for word in ("decode", "encode", "MB it may take", "desktop", "96 x 64"):
        assert word in result.stdout


def broken():
    return large()[:20_000]


@pytest.mark.parametrize("options", [(), ("--sandbox",)])
def test_what_failed_fails_here_with_the_same_reason_and_a_traceback(quiet, options):
    key = f"{prefix_of(quiet)}bad.jpg"
    put(quiet, key, broken())

    told, document = run(key, *options), json.loads(run(key, *options, "--json").stdout)

    assert told.exit_code == 1
    assert "failed: CorruptImage: " in told.stdout
    assert "processing.errors.CorruptImage: " in told.stderr
    assert (document["outcome"], document["reason"]["cause"]) == ("failed", "CorruptImage")
    assert "Traceback" in document["traceback"]


def test_a_format_that_only_the_workshop_can_read_fails_as_on_lambda(quiet, tmp_path, monkeypatch):
    pytest.importorskip("pi_heif")
    key = f"{prefix_of(quiet)}phone.heic"
    put(quiet, key, HEIC.read_bytes())

    unpackaged, packaged = (
        json.loads(run(key, "--json").stdout)
        for _ in with_requirements(tmp_path, monkeypatch, "ops.cli.replay.running.packaged_readers")
    )

    assert unpackaged["reason"]["cause"] == "UnsupportedFormat"
    assert packaged["source"]["format"] == "heic"


@pytest.mark.parametrize("options", [(), ("--sandbox",)])
def test_a_replay_makes_jpegs_where_the_key_says_so(quiet, options):
    key = f"{prefix_of(quiet)}scan.tif"
    put(quiet, key, png())

    assert {each["format"] for each in json.loads(run(key, *options, "--json").stdout)["variants"]} == {"jpeg"}


def test_a_contained_replay_has_the_packaged_readers_too(quiet):
    key = f"{prefix_of(quiet)}phone.heic"
    put(quiet, key, HEIC.read_bytes())

    here, there = (json.loads(run(key, *options, "--json").stdout) for options in ((), ("--sandbox",)))

    assert there.get("reason", {}).get("cause") == here.get("reason", {}).get("cause")
    assert there.get("variants") == here.get("variants")


def test_a_contained_replay_makes_the_same_variants(quiet):
    key = f"{prefix_of(quiet)}cat.jpg"
    put(quiet, key, large())
    here, there = (json.loads(run(key, *options, "--json").stdout) for options in ((), ("--sandbox",)))

    assert there["variants"] == here["variants"]
    assert there["steps"].keys() == {"fetch", "start and render"}


def test_a_contained_replay_ends_when_rendering_comes_to_no_end(quiet):
    key = f"{prefix_of(quiet)}slow.png"
    out = io.BytesIO()
    Image.linear_gradient("L").resize((8900, 8900)).convert("RGB").save(out, "PNG", compress_level=1)
    put(quiet, key, out.getvalue())

    document = json.loads(run(key, "--sandbox", "--seconds", "0.1", "--json").stdout)

    assert document["reason"]["cause"] == "RenderTimeout"


def test_a_dead_letter_is_replayed_by_its_id(live):
    key = f"{prefix_of(live)}dead.jpg"
    put(live, key, broken())

    def letter():
        return next((each.message.id for each in read_queue(live).diagnoses if each.key == key), None)

    name = wait_until(letter)
    result = run(name, "--json")

    assert result.exit_code == 1
    assert json.loads(result.stdout)["reason"]["cause"] == "CorruptImage"
    assert wait_until(letter) == name  # it is still there


def test_the_version_that_is_replayed_is_the_one_that_was_asked_for(quiet):
    key = f"{prefix_of(quiet)}cat.jpg"
    old = put(quiet, key, jpeg(1))
    new = put(quiet, key, jpeg(2))

    gone, there = run(key, "--etag", old), run(f"s3://{quiet.uploads_bucket}/{key}", "--etag", new)

    assert gone.exit_code == 1
    assert f"was overwritten; to replay what is there now: --etag {new}" in gone.stderr
    assert there.exit_code == 0


def test_what_is_there_is_replayed_whichever_version_failed_last(live):
    key = f"{prefix_of(live)}cat.jpg"
    good = put(live, key, jpeg())
    wait_for(live, [(key, good)], "DONE")
    bad = put(live, key, broken())
    wait_for(live, [(key, bad)], "REJECTED")
    failed = run(key)
    put(live, key, jpeg())
    again = run(key)
    live.client("s3").delete_object(Bucket=live.uploads_bucket, Key=key)
    gone = run(key)

    assert (failed.exit_code, again.exit_code, gone.exit_code) == (1, 0, 1)
    assert "what is there now; in the images table: REJECTED" in failed.stdout
    assert "what is there now; in the images table: DONE" in again.stdout
    assert "was removed: there is nothing to replay" in gone.stderr


def test_a_recipe_can_be_tried_on_an_object(quiet, tmp_path):
    key = f"{prefix_of(quiet)}cat.jpg"
    put(quiet, key, jpeg())
    recipe = tmp_path / "recipe.toml"
    recipe.write_text('[variants.tiny]\nwidth = 10\nheight = 10\nformat = "webp"\n')

    (variant,) = json.loads(run(key, "--recipe", str(recipe), "--json").stdout)["variants"]

    assert (variant["name"], variant["format"], variant["width"]) == ("tiny", "webp", 10)


@pytest.mark.parametrize(
    ("name", "exit_code", "said"),
    [
        ("images/nobody/has/this.jpg", 1, "neither the images table nor"),
        ("s3://elsewhere/images/cat.jpg", 2, "is not in this stage's bucket"),
        ("0a1b2c3d", 1, "darkroom dlq list --stage local"),
    ],
)
def test_what_is_not_there_is_told_with_what_to_do(quiet, name, exit_code, said):
    result = run(name)

    assert result.exit_code == exit_code
    assert said in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_nothing_is_written_to_aws(quiet, monkeypatch):
    key = f"{prefix_of(quiet)}cat.jpg"
    put(quiet, key, jpeg())
    asked = []
    # The stack's own threads poll its queues meanwhile
    others = {thread.ident for thread in threading.enumerate()} - {threading.get_ident()}

    def note(model, **_):
        if threading.get_ident() not in others:
            asked.append(model.name)

    for service in ("s3", "dynamodb", "sqs"):
        quiet.client(service).meta.events.register("before-call", note, unique_id="replay")
    try:
        run(key)
    finally:
        for service in ("s3", "dynamodb", "sqs"):
            quiet.client(service).meta.events.unregister("before-call", unique_id="replay")

    assert set(asked) == {"Query", "HeadObject", "GetObject"}
