"""Which files of a folder become uploads."""

import errno
import os

import pytest

from ops.cli.folders import MAGIC
from ops.cli.recipes import read_recipe
from ops.cli.results import opened
from ops.cli.start.photos import select
from ops.errors import UsageError

RECIPE = read_recipe()
JPEG = b"\xff\xd8\xff\xe0" + b"\0" * 20


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    return folder


def names(folder, **more):
    return [
        photo.name for photo in select(folder, recipe=RECIPE, leave_out=more.get("leave_out", folder / "out")).photos
    ]


def put(folder, name, content=JPEG):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def test_names_are_paths_below_the_folder_in_their_order(folder):
    for name in ("b.jpg", "a/c.jpg", "café + bar/ñ 1.jpg"):
        put(folder, name)

    assert names(folder) == ["a/c.jpg", "b.jpg", "café + bar/ñ 1.jpg"]


def test_a_file_is_an_image_by_its_name_or_by_its_content(folder):
    put(folder, "text.JPG", b"milk, bread")
    put(folder, "no-extension")
    put(folder, "notes.txt", b"milk, bread")

    selection = select(folder, recipe=RECIPE, leave_out=folder / "out")

    assert [photo.name for photo in selection.photos] == ["no-extension", "text.JPG"]
    assert selection.skipped == 1


@pytest.mark.parametrize("kind", MAGIC)
def test_every_format_is_known_by_its_first_bytes(folder, kind):
    content = bytearray(32)
    for offset, mark in MAGIC[kind]:
        content[offset : offset + len(mark)] = mark
    put(folder, "unnamed", bytes(content))

    assert names(folder) == ["unnamed"]


def test_an_empty_file_with_an_images_name_is_uploaded(folder):
    put(folder, "empty.png", b"")

    assert names(folder) == ["empty.png"]


def test_only_what_browsers_show_is_marked_so(folder):
    put(folder, "a.jpg")
    put(folder, "b.tif", b"II*\0")
    put(folder, "c.jpg", b"milk, bread")

    shown = {
        photo.name: photo.shown_by_browsers for photo in select(folder, recipe=RECIPE, leave_out=folder / "out").photos
    }

    assert shown == {"a.jpg": True, "b.tif": False, "c.jpg": False}


def test_hidden_files_and_the_folder_of_results_are_left_out(folder):
    for name in ("a.jpg", ".hidden.jpg", ".thumbnails/b.jpg", "out/phone/a.jpg", "more/out/c.jpg"):
        put(folder, name)

    assert names(folder, recipe=RECIPE, leave_out=folder / "more" / ".." / "out") == ["a.jpg", "more/out/c.jpg"]


def test_what_an_earlier_run_has_made_is_no_photo(folder):
    for name in ("a.jpg", "mine/b.jpg"):
        put(folder, name)
    with opened([folder / "results"]) as results:
        results.write("phone/a.jpg", JPEG)

    assert names(folder) == ["a.jpg", "mine/b.jpg"]


def test_what_the_recipe_ignores_is_skipped(folder):
    for name in ("a.jpg", "clip.MOV", "@eaDir/a.jpg/THUMB.jpg"):
        put(folder, name)

    selection = select(folder, recipe=RECIPE, leave_out=folder / "out")
    assert ([photo.name for photo in selection.photos], selection.skipped) == (["a.jpg"], 2)


def test_links_to_folders_are_not_followed(folder):
    put(folder, "a.jpg")
    (folder / "again").symlink_to(folder)

    assert names(folder) == ["a.jpg"]


def test_a_name_too_long_for_a_key_is_skipped(folder):
    put(folder, "/".join("é" * 120 for _ in range(4)) + ".jpg")  # 967 bytes: no room for a prefix
    put(folder, "a.jpg")

    selection = select(folder, recipe=RECIPE, leave_out=folder / "out")

    assert [photo.name for photo in selection.photos] == ["a.jpg"]
    assert [each.why for each in selection.odd] == ["has a name of 967 bytes, of 960 that fit"]


def test_a_name_that_is_not_utf_8_is_skipped(folder):
    put(folder, "a.jpg")
    try:
        put(folder, b"caf\xe9.jpg".decode(errors="surrogateescape"))
    except OSError:
        pytest.skip("this file system takes no such names")

    assert names(folder) == ["a.jpg"]
    assert [each.why for each in selected(folder).odd] == ["has a name that is not UTF-8"]


def test_a_missing_folder_is_told(tmp_path):
    with pytest.raises(UsageError, match="nowhere does not exist: give a folder of photos"):
        select(tmp_path / "nowhere", recipe=RECIPE, leave_out=tmp_path)


def test_a_file_in_place_of_a_folder_is_told(folder):
    put(folder, "a.jpg")

    with pytest.raises(UsageError, match=r"a\.jpg is not a folder"):
        select(folder / "a.jpg", recipe=RECIPE, leave_out=folder)


def test_an_empty_folder_is_told(folder):
    with pytest.raises(UsageError, match="is empty: put photos into it"):
        select(folder, recipe=RECIPE, leave_out=folder / "out")


def test_a_folder_without_an_image_is_told(folder):
    put(folder, "notes.txt", b"milk")
    put(folder, "more/list.csv", b"bread")

    with pytest.raises(UsageError, match="has 2 files, and none of them is an image"):
        select(folder, recipe=RECIPE, leave_out=folder / "out")


def test_a_folder_that_cannot_be_read_is_told(folder):
    (folder / "loop").symlink_to("loop")  # unreadable to root as well

    with pytest.raises(UsageError, match=r"loop cannot be read .*make it readable, or give another folder"):
        select(folder / "loop", recipe=RECIPE, leave_out=folder / "out")


def selected(folder):
    return select(folder, recipe=RECIPE, leave_out=folder / "out")


def odd_files(folder):
    put(folder, "a.jpg")
    put(folder, "line\nend.jpg")
    (folder / "loop.jpg").symlink_to("loop.jpg")
    (folder / "gone.jpg").symlink_to("nowhere.jpg")
    os.mkfifo(folder / "pipe.jpg")
    (folder / "more").mkdir()
    (folder / "more" / "again").symlink_to(folder)
    return {
        folder / "loop.jpg": "cannot be read (Too many levels of symbolic links)",
        folder / "gone.jpg": "is a link to nothing",
        folder / "pipe.jpg": "is no file (a pipe, a socket or a device)",
    }


def test_one_odd_file_is_named_with_its_reason_and_the_others_are_taken(folder):
    odd = odd_files(folder)

    found = selected(folder)

    assert [photo.name for photo in found.photos] == ["a.jpg", "line\nend.jpg"]
    assert ({each.path: each.why for each in found.odd}, found.skipped) == (odd, 0)


def test_a_file_that_cannot_be_opened_is_odd(folder, monkeypatch):
    put(folder, "a.jpg")
    put(folder, "locked.jpg")

    def refused(path):
        if path == folder / "locked.jpg":
            raise PermissionError(errno.EACCES, "Permission denied")
        return "jpeg"

    monkeypatch.setattr("ops.cli.start.photos.kind_of", refused)  # root may read everything

    assert [each.why for each in selected(folder).odd] == ["cannot be read (Permission denied)"]


def test_a_folder_of_odd_files_alone_names_them(folder):
    (folder / "loop.jpg").symlink_to("loop.jpg")

    with pytest.raises(UsageError, match=r"give a folder of photos; .*loop\.jpg cannot be read"):
        selected(folder)
