"""The bundled samples through the deployed service, from the command line to the contact sheet."""

import json
import uuid
from pathlib import Path
from urllib.parse import unquote

import pytest
from PIL import Image
from rich.console import Console
from typer.testing import CliRunner

from ops.cli.dlq.selection import read_queue
from ops.cli.main import make_app
from ops.cli.queues import depth_of
from ops.cli.recipes import read_recipe
from ops.cli.results import opened
from ops.cli.start import command
from ops.cli.start.photos import select
from ops.cli.start.run import Run
from processing.ledger import ImagesTable, Version
from tests.corpus.pictures import pixel
from tests.ops.cli.embedded import HEIC, stage_of
from tests.ops.cli.start.makers import Borrowed
from tests.ops.cli.start.test_sheet import Page

VARIANTS = {"desktop": 1920, "tablet": 1024, "phone": 480}
BROKEN = {
    "images/shopping-list.jpg": "UnsupportedFormat",
    "images/truncated.jpg": "CorruptImage",
}


@pytest.fixture(scope="module")
def run(stack, tmp_path_factory):
    """``darkroom start --again --json`` on the samples: its result, and the folder it wrote."""
    out = tmp_path_factory.mktemp("out")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(command, "LocalStack", Borrowed(stack))
        result = CliRunner().invoke(make_app(), ["start", "--again", "--json", "--out", str(out)])
    return result, out


@pytest.fixture(scope="module")
def totals(run):
    return json.loads(run[0].stdout)


@pytest.fixture(scope="module")
def samples():
    return select(command.SAMPLES, recipe=read_recipe(), leave_out=Path("out")).photos


def record(stack, key):
    """What the images table says of the version that is in the uploads bucket."""
    bucket = stack.outputs["UploadsBucket"]
    etag = stack.client("s3").head_object(Bucket=bucket, Key=key)["ETag"].strip('"')
    version = Version(bucket, key, etag)
    return ImagesTable(stack.client("dynamodb"), stack.outputs["ImagesTable"]).read([version])[version]


def test_every_sample_comes_to_an_end(run, totals, samples):
    assert run[0].exit_code == 0, run[0].output
    assert totals["complete"] is True
    assert totals["images"] == len(samples)
    assert totals["left"] == []


def test_every_good_sample_is_done_with_three_variants(totals, samples, stack):
    records = {key: record(stack, key) for key in (f"images/{photo.name}" for photo in samples)}

    good = {key: each for key, each in records.items() if key not in BROKEN}
    assert {each.status for each in good.values()} == {"DONE"}
    assert {tuple(variant.name for variant in each.variants) for each in good.values()} == {tuple(VARIANTS)}
    assert {records[key].status for key in BROKEN} == {"REJECTED"}
    assert totals["done"] == len(samples) - len(BROKEN)
    assert totals["variants"] == 3 * totals["done"]


def test_the_broken_samples_are_dead_letters_with_their_cause(totals):
    assert {each["key"]: each["cause"] for each in totals["dead_letters"]} == BROKEN
    assert all(each["message"] for each in totals["dead_letters"])


def test_the_dead_letters_can_be_seen_by_others_afterwards(run, stack):
    queue = read_queue(stage_of(stack))

    assert run[0].exit_code == 0
    assert set(BROKEN) <= {each.key for each in queue.diagnoses}
    assert queue.held.elsewhere == 0


def test_every_end_of_this_run_was_announced(totals):
    """What was done before this run, by another test, has no new end."""
    assert totals["events"]["missing"] == 0
    assert totals["events"]["bus"] == "darkroom-local"


def test_the_variants_are_saved_within_their_boxes_and_upright(totals, samples, run):
    for photo in samples:
        if f"images/{photo.name}" in BROKEN:
            continue
        for name, box in VARIANTS.items():
            with Image.open(run[1] / name / photo.name) as image:
                assert max(image.size) <= box
    with Image.open(run[1] / "phone" / "portrait-by-exif.jpg") as image:
        assert image.size == (320, 480)
    with Image.open(run[1] / "phone" / "astronaut-alpha.png") as image:
        assert pixel(image.convert("RGBA"), (0, 0))[3] == 0
    assert totals["bytes_out"] == sum(
        path.stat().st_size for name in VARIANTS for path in (run[1] / name).rglob("*") if path.is_file()
    )


def test_a_second_upload_of_the_same_bytes_writes_nothing_and_says_so(totals):
    again = totals["again"]

    assert again["images"] == again["duplicates"] == totals["done"]
    assert again["variants_unchanged"] >= totals["variants"]
    assert again["variants_written"] == 0
    assert again["settled"] is True


def test_the_contact_sheet_leads_to_files_that_are_there(run):
    sheet = Page((run[1] / "index.html").read_text())

    assert len(sheet.links) == 12 + 30
    assert [link for link in sheet.links if not (run[1] / unquote(link)).is_file()] == []


def test_nothing_is_waiting_in_the_queue_afterwards(run, stack):
    assert run[0].exit_code == 0
    assert depth_of(stack.client("sqs"), stack.outputs["UploadsQueueUrl"]).total == 0


def test_every_file_that_is_written_opens_by_its_extension(stack, tmp_path, monkeypatch):
    photos, out = tmp_path / "photos", tmp_path / "out"
    photos.mkdir()
    (photos / "photo.heic").write_bytes(HEIC.read_bytes())
    for name, mode in {"scan.tiff": "RGBA", "OLD.BMP": "RGB", "cat.jpg": "RGB", "logo.png": "RGBA"}.items():
        Image.new(mode, (64, 48)).save(photos / name)
    monkeypatch.setattr(command, "LocalStack", Borrowed(stack))
    result = CliRunner().invoke(make_app(), ["start", str(photos), "--out", str(out)])

    assert result.exit_code == 0, result.output
    files = sorted(path for name in VARIANTS for path in (out / name).iterdir())
    assert {path.name for path in files} == {*("photo.heic.jpg", "scan.tiff.jpg", "OLD.BMP.jpg", "cat.jpg", "logo.png")}
    for path in files:
        with Image.open(path) as image:
            assert Image.registered_extensions()[path.suffix] == image.format
    sheet = Page((out / "index.html").read_text())
    assert {f"phone/{path.name}" for path in files} <= set(sheet.images)
    assert "lost: transparency" in sheet.text


def test_a_write_by_the_second_upload_would_be_seen(stack, tmp_path):
    photos, s3 = tmp_path / "photos", stack.client("s3")
    photos.mkdir()
    name = f"{uuid.uuid4()}.jpg"
    Image.new("RGB", (64, 48), "teal").save(photos / name)
    with opened([tmp_path / "out"]) as results:
        run = Run(stack, results, timeout=60, console=Console(quiet=True))
        _, ends = run.through(select(photos, recipe=read_recipe(), leave_out=results.folder), again=False)
    s3.delete_object(Bucket=stack.outputs["VariantsBucket"], Key=f"phone/{name}")

    again = run.upload_again(ends)

    assert again.duplicates == 0
    assert again.variants_written >= 1
