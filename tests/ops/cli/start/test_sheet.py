"""The contact sheet: what stands on it, and that no name can break out of it."""

import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest

from ops.cli.start import sheet as sheets
from ops.cli.start.report import SecondUpload, total
from tests.ops.cli.start.makers import dead, done, left


class Page(HTMLParser):
    """The links, images and visible text of a page, and every tag in it."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.links, self.images, self.text = [], [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.tags.append(tag)
        self.links += [attributes["href"]] if tag == "a" else []
        self.images += [attributes["src"]] if tag == "img" else []

    def handle_data(self, data):
        self.text += data


def html(folder, *ends, seconds=2.0, **more):
    totals = total(
        ends,
        seconds=seconds,
        duplicates=3,
        skipped_files=0,
        messages_left=False,
        contact_sheet=folder,
        again=more.pop("again", None),
        **more,
    )
    return sheets.page(folder, ends, totals)


def page(folder, *ends, **more):
    return Page(html(folder, *ends, **more))


@pytest.fixture
def out(tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


def test_an_original_stands_beside_its_variants(out, tmp_path):
    sheet = page(out, done("a/cat.jpg", folder=tmp_path / "photos"))

    assert sheet.images == ["../photos/a/cat.jpg", "desktop/a/cat.jpg", "phone/a/cat.jpg"]
    assert sheet.links == sheet.images
    for words in ("a/cat.jpg", "jpeg RGB", "4000\u00d72000", "1.0 kB", "1920\u00d7960", "480\u00d7240", "480 bytes"):
        assert words in sheet.text


def test_links_lead_to_files_with_any_name(out, tmp_path):
    name = 'café + bar/100% #1? "best" & <b>.jpg'

    sheet = page(out, done(name, folder=tmp_path / "photos"))

    assert [unquote(link) for link in sheet.links] == [f"../photos/{name}", f"desktop/{name}", f"phone/{name}"]
    assert not any(character in link for link in sheet.links for character in '#?"<> &')


@pytest.mark.parametrize("name", ["<script>alert(1)</script>.jpg", '"><img src=x onerror="x">.jpg', "{{ totals }}.jpg"])
def test_a_name_is_shown_and_never_obeyed(out, name):
    sheet = page(out, done(name), dead(name, cause=name, message=name))

    plain = page(out, done("cat.jpg"), dead("cat.jpg"))
    assert sheet.tags == plain.tags
    assert sheet.text.count(name) == 4  # two titles, cause, message


def test_the_page_needs_nothing_from_elsewhere(out):
    text = html(out, done(), dead())

    assert not re.search(r"https?://|<script|<link|@import|url\(", text)


def test_a_failure_shows_its_cause(out):
    sheet = page(out, dead(cause="ImageTooLarge", message="200 megapixels; the limit is 100"))

    assert "dead letter" in sheet.text
    assert "ImageTooLarge" in sheet.text
    assert "200 megapixels; the limit is 100" in sheet.text


def test_what_is_left_says_so(out):
    sheet = page(out, left(cause="SlowDown"))

    assert "1 left" in sheet.text
    assert "SlowDown" in sheet.text


def test_an_interrupted_run_says_what_is_not_on_the_sheet(out):
    sheet = page(out, done(), left(), interrupted=True, not_uploaded=7)

    assert "The run was interrupted: 7 photos were not uploaded, 1 is left." in sheet.text
    assert "interrupted" not in page(out, done()).text


def test_a_format_that_browsers_cannot_show_is_linked_only(out, tmp_path):
    sheet = page(out, done("scan.tif", folder=tmp_path, shown=False))

    assert sheet.images == ["desktop/scan.tif.jpg", "phone/scan.tif.jpg"]
    assert "../scan.tif" in sheet.links


def test_the_stages_are_shown_in_milliseconds(out):
    text = html(out, done(timings={"fetch": 10, "render": 25, "publish": 5}))

    for words in ("40 ms", "fetch 10 ms", "render 25 ms", "publish 5 ms"):
        assert words in Page(text).text
    assert "width: 62.5%" in text


def test_the_totals_stand_on_top(out):
    sheet = page(out, done(), done("b.jpg"), dead(), again=SecondUpload(2, 2, 4, 0, True))

    for words in ("3", "2 done", "4", "3.0 kB", "4.8 kB", "1.5", "in 2.0 s"):
        assert words in sheet.text
    assert "2 images, 2 duplicates, 4 variants unchanged, 0 written" in sheet.text


def test_what_was_lost_is_named(out):
    assert "lost: animation" in page(out, done(image_format="gif", mode="P", lost=("animation",))).text


def test_originals_are_found_from_a_folder_given_relative_to_here(out, monkeypatch):
    monkeypatch.chdir(out.parent)

    assert page(Path("out"), done(folder=Path("photos"))).links[0] == "../photos/cat.jpg"
