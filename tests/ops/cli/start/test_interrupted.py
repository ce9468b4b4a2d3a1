"""``darkroom start`` interrupted in the middle of a folder: the sheet has what is finished, and names what is left."""

import io
import json
import os
import threading
import uuid
from urllib.parse import unquote

import pytest
from typer.testing import CliRunner

from ops.cli.interruption import SIGNALS
from ops.cli.main import make_app
from ops.cli.start import command
from tests.corpus.pictures import scene
from tests.ops.cli.embedded import wait_until
from tests.ops.cli.start.makers import Borrowed
from tests.ops.cli.start.test_sheet import Page

PHOTOS = 60
VARIANTS = 3

pytestmark = pytest.mark.usefixtures("signals_as_before")


@pytest.fixture
def photos(tmp_path):
    """Pictures that no other test has uploaded; what stands behind the end of a JPEG is not looked at."""
    folder = tmp_path / uuid.uuid4().hex
    folder.mkdir()
    picture = io.BytesIO()
    scene((1200, 900)).save(picture, "JPEG", quality=80)
    for number in range(PHOTOS):
        path = folder / f"{folder.name[:8]}-{number:02}.jpg"
        path.write_bytes(picture.getvalue() + path.name.encode())
    return folder


def start(stack, photos, out, monkeypatch):
    """Run the command on the running stack; its result, and the error with which it left the stack."""
    borrowed = Borrowed(stack)
    monkeypatch.setattr(command, "LocalStack", borrowed)
    result = CliRunner().invoke(make_app(), ["start", str(photos), "--json", "--out", str(out)])
    return result, borrowed.ended_by


@pytest.mark.parametrize("number", SIGNALS)
def test_an_interrupted_run_shows_what_is_finished_and_names_what_is_left(stack, photos, tmp_path, monkeypatch, number):
    out = tmp_path / "out"

    def interrupt():
        wait_until(lambda: list((out / "phone").glob("*.jpg")))
        os.kill(os.getpid(), number)
        os.kill(os.getpid(), number)  # as npm does

    thread = threading.Thread(target=interrupt)
    thread.start()
    result, ended_by = start(stack, photos, out, monkeypatch)
    thread.join()

    assert (result.exit_code, ended_by) == (130, KeyboardInterrupt), result.output
    assert result.stderr.splitlines()[-1] == "darkroom: interrupted; nothing is left running"
    totals = json.loads(result.stdout)
    left = len(totals["left"]) + totals["not_uploaded"]
    assert (totals["interrupted"], totals["complete"]) == (True, False)
    assert (totals["done"] > 0, left > 0) == (True, True)
    assert totals["done"] + left + len(totals["dead_letters"]) == PHOTOS
    sheet = Page((out / "index.html").read_text())
    assert len([link for link in sheet.images if not link.startswith("..")]) == VARIANTS * totals["done"]
    assert [link for link in sheet.links if not (out / unquote(link)).is_file()] == []
    assert "The run was interrupted" in sheet.text


def test_the_next_run_takes_up_the_folder_of_an_interrupted_one(stack, photos, tmp_path, monkeypatch):
    """Each run has photos of its own: this stack, unlike the command's, still works on those of the first."""
    paths, folders = sorted(photos.iterdir()), [tmp_path / "first", tmp_path / "second"]
    for folder, some in zip(folders, (paths[:2], paths[2:4]), strict=True):
        folder.mkdir()
        for path in some:
            path.rename(folder / path.name)
    out = tmp_path / "out"
    monkeypatch.setattr("ops.cli.interruption.Interruption.requested", lambda _self: True)
    first, _ = start(stack, folders[0], out, monkeypatch)
    monkeypatch.undo()

    second, ended_by = start(stack, folders[1], out, monkeypatch)

    assert (first.exit_code, json.loads(first.stdout)["interrupted"]) == (130, True), first.output
    assert (second.exit_code, ended_by, json.loads(second.stdout)["done"]) == (0, None, 2), second.output
