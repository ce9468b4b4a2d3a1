"""What upload decides of each file: which are meant, what they are, and whether they are there."""

import hashlib
import struct
import threading
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ops.cli.recipes import VariantPlan, read_recipe
from ops.cli.upload import report
from ops.cli.upload.command import below
from ops.cli.upload.content import FileFacts, checked_by, unchecked
from ops.cli.upload.files import Globs, LocalFile, choose, images_of
from ops.cli.upload.present import Listed, Present
from ops.cli.upload.run import ENOUGH, Result, Uploader, Verdict
from ops.cli.upload.transfer import PART
from ops.errors import UsageError
from processing.errors import CorruptImage, ImageTooLarge, PreconditionFailed, UnsupportedFormat, UnusableKey
from tests.corpus.files import chunk
from tests.ops.cli.embedded import jpeg
from tests.ops.cli.start.test_photos import odd_files

PLAN = VariantPlan(read_recipe(), "images/")


def put(folder, name, content=b"\xff\xd8\xff"):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def chosen(*places, listed=(), include=(), exclude=(), everything=False):
    wanted = (lambda *_: True) if everything else images_of(PLAN)
    return choose(places, listed, prefix="images/", globs=Globs(include, exclude), wanted=wanted)


def keys(*places, **more):
    return [file.key for file in chosen(*places, **more).files]


def test_a_file_in_a_folder_keeps_its_path_below_it(tmp_path):
    put(tmp_path, "2026/a/cat.jpg")
    put(tmp_path, "2026/dog.jpg")

    assert keys(tmp_path / "2026") == ["images/a/cat.jpg", "images/dog.jpg"]


def test_a_named_file_keeps_its_path_below_the_current_folder(tmp_path, monkeypatch):
    put(tmp_path, "a/cat.jpg")
    monkeypatch.chdir(tmp_path)

    assert keys(Path("./a/../a/cat.jpg")) == ["images/a/cat.jpg"]
    assert keys(tmp_path / "a" / "cat.jpg") == ["images/a/cat.jpg"]


def test_a_named_file_from_elsewhere_keeps_its_name(tmp_path, monkeypatch):
    put(tmp_path, "a/cat.jpg")
    (tmp_path / "b").mkdir()
    monkeypatch.chdir(tmp_path / "b")

    assert keys(Path("../a/cat.jpg")) == ["images/cat.jpg"]


def test_names_are_taken_from_a_list_with_its_line_ends_and_empty_lines(tmp_path, monkeypatch):
    put(tmp_path, "a.jpg")
    put(tmp_path, "b c.jpg")
    monkeypatch.chdir(tmp_path)

    assert keys(listed=["./a.jpg\r\n", "\n", "b c.jpg\n"]) == ["images/a.jpg", "images/b c.jpg"]


def test_a_file_that_is_named_twice_is_uploaded_once(tmp_path, monkeypatch):
    put(tmp_path, "a.jpg")
    monkeypatch.chdir(tmp_path)

    assert keys(Path("a.jpg"), tmp_path, listed=["a.jpg"]) == ["images/a.jpg"]


def test_two_files_of_one_key_are_refused_by_name(tmp_path):
    put(tmp_path, "one/cat.jpg")
    put(tmp_path, "two/cat.jpg")

    with pytest.raises(UsageError, match=r"one/cat\.jpg and .*two/cat\.jpg would both be images/cat\.jpg"):
        keys(tmp_path / "one", tmp_path / "two")


def test_a_missing_place_is_named_before_anything_is_uploaded(tmp_path):
    with pytest.raises(UsageError, match="nowhere does not exist"):
        keys(tmp_path / "nowhere")


def test_a_missing_file_of_a_list_does_not_stop_the_others(tmp_path, monkeypatch):
    put(tmp_path, "a.jpg")
    monkeypatch.chdir(tmp_path)

    assert keys(listed=["a.jpg", "gone.jpg"]) == ["images/a.jpg", "images/gone.jpg"]


def test_what_is_no_image_is_left_out_of_a_folder_and_counted(tmp_path):
    put(tmp_path, "cat.jpg", b"whatever")
    put(tmp_path, "no-extension", b"\x89PNG\r\n\x1a\n")
    put(tmp_path, "notes.txt", b"milk")

    found = chosen(tmp_path)

    assert [file.key for file in found.files] == ["images/cat.jpg", "images/no-extension"]
    assert found.left_out == 1
    assert len(chosen(tmp_path, everything=True).files) == 3


def test_odd_files_are_passed_over_by_name_in_folders_and_lists(tmp_path):
    odd = odd_files(tmp_path)
    pipe = tmp_path / "pipe.jpg"

    found = chosen(tmp_path)

    assert [file.key for file in found.files] == ["images/a.jpg", "images/line\nend.jpg"]
    assert {each.path: each.why for each in found.odd} == odd
    assert [each.path for each in chosen(pipe).odd] == [pipe]
    assert not report.Summary([], 0, 1.0, False, odd=found.odd).complete


def test_a_named_file_is_never_left_out(tmp_path):
    path = put(tmp_path, "notes.txt", b"milk")

    assert keys(path) == ["images/notes.txt"]


@pytest.mark.parametrize(
    ("include", "exclude", "names"),
    [
        (["*.jpg"], [], ["a/1.jpg", "a/2.jpg", "b/1.jpg"]),
        (["a/*"], [], ["a/1.jpg", "a/2.jpg", "a/3.png"]),
        (["*.jpg", "*.png"], ["b/*"], ["a/1.jpg", "a/2.jpg", "a/3.png"]),
        ([], ["1.*"], ["a/2.jpg", "a/3.png"]),
    ],
)
def test_globs_are_for_the_name_or_with_a_slash_for_the_path(tmp_path, include, exclude, names):
    for name in ("a/1.jpg", "a/2.jpg", "a/3.png", "b/1.jpg"):
        put(tmp_path, name)

    assert keys(tmp_path, include=include, exclude=exclude) == [f"images/{name}" for name in names]


@pytest.mark.parametrize(
    ("folder", "begins"),
    [("", "images/"), ("2026", "images/2026/"), ("2026/", "images/2026/"), ("images/2026/", "images/2026/")],
)
def test_the_prefix_is_a_folder_below_the_stages_own(folder, begins):
    assert below("images/", folder) == begins


@pytest.mark.parametrize(("folder", "begins"), [("", ""), ("2026", "2026/"), ("2026/raw/", "2026/raw/")])
def test_where_the_whole_bucket_is_uploads_a_folder_is_one_of_the_bucket(folder, begins):
    assert below("", folder) == begins


@pytest.fixture
def look():
    return checked_by(PLAN)


def test_what_the_recipe_ignores_is_left_out_of_a_folder_and_refused_by_name(tmp_path, look):
    put(tmp_path, "IMG_1.jpg", jpeg())
    ignored = put(tmp_path, "IMG_1.AAE", jpeg())

    assert keys(tmp_path) == ["images/IMG_1.jpg"]
    assert chosen(tmp_path).left_out == 1
    assert keys(tmp_path, everything=True) == ["images/IMG_1.AAE", "images/IMG_1.jpg"]
    with pytest.raises(UnusableKey, match="ignore"):
        look(ignored, "images/IMG_1.AAE")


def test_the_type_is_told_by_the_content_and_not_by_the_name(tmp_path, look):
    path = put(tmp_path, "cat.png", jpeg())

    assert look(path, "images/cat.png") == FileFacts("image/jpeg", hashlib.sha256(jpeg()).hexdigest())
    assert unchecked(path, "images/cat.png") == look(path, "images/cat.png")


def test_what_is_no_image_has_the_type_of_its_name(tmp_path):
    assert unchecked(put(tmp_path, "notes.txt", b"milk"), "images/notes.txt").content_type == "text/plain"
    assert unchecked(put(tmp_path, "x", b"milk"), "images/x").content_type == "application/octet-stream"


def test_what_the_consumer_would_refuse_is_refused_from_the_header(tmp_path, look):
    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    huge = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")
    cases = {"notes.jpg": (b"milk", UnsupportedFormat), "half.jpg": (jpeg()[:100], CorruptImage)}
    for name, (content, error) in (cases | {"huge.png": (huge, ImageTooLarge)}).items():
        with pytest.raises(error):
            look(put(tmp_path, name, content), f"images/{name}")


def test_a_file_beyond_the_limit_of_bytes_is_refused_unread(tmp_path, look, monkeypatch):
    path = tmp_path / "large.jpg"
    with path.open("wb") as file:
        file.truncate(read_recipe().limits.max_bytes + 1)  # a hole, which takes no room
    monkeypatch.setattr(Path, "read_bytes", lambda _path: pytest.fail("it was read"))

    with pytest.raises(ImageTooLarge, match=r"limits\.bytes"):
        look(path, "images/large.jpg")


@pytest.mark.parametrize("name", ["a\udcff.jpg", "é" * 600, "..", "a/../b.jpg"])
def test_a_name_that_no_key_can_have_is_refused(tmp_path, look, name):
    with pytest.raises(UnusableKey):
        look(put(tmp_path, "cat.jpg", jpeg()), f"images/{name}")


@pytest.mark.parametrize("name", ["a\udcff.jpg", "é" * 600])
def test_not_even_all_takes_a_key_that_s3_refuses(tmp_path, name):
    with pytest.raises(UnusableKey):
        unchecked(put(tmp_path, "cat.jpg", jpeg()), f"images/{name}")


class Heads:
    """An S3 client that answers HEADs, and counts them."""

    def __init__(self, etag="", **metadata):
        self.answer: dict[str, Any] = {"ETag": f'"{etag}"', "Metadata": metadata}
        self.asked = 0

    def head_object(self, **_where):
        self.asked += 1
        return self.answer


def md5(content):
    return hashlib.md5(content, usedforsecurity=False)


def same(path, listed, s3):
    present = Present(s3, "uploads", {"images/a": listed} if listed else {})
    return present.etag_of_same(LocalFile(path, "images/a", path.stat().st_size))


def test_a_file_is_there_when_the_etag_is_its_md5(tmp_path):
    s3 = Heads()

    assert same(put(tmp_path, "a", b"cat"), Listed(md5(b"cat").hexdigest(), 3), s3) == md5(b"cat").hexdigest()
    assert s3.asked == 0


def test_a_file_is_there_when_the_etag_is_that_of_its_parts(tmp_path):
    content = bytes(PART) + b"cat"
    etag = md5(md5(bytes(PART)).digest() + md5(b"cat").digest()).hexdigest() + "-2"
    s3 = Heads()

    assert same(put(tmp_path, "a", content), Listed(etag, len(content)), s3) == etag
    assert s3.asked == 0


def test_a_write_is_conditional_on_what_the_walk_has_seen(tmp_path):
    seen, new = LocalFile(tmp_path, "images/seen", 1), LocalFile(tmp_path, "images/new", 1)
    present = Present(Heads(), "uploads", {"images/seen": Listed("e1", 1)})

    assert (present.unchanged(seen), present.unchanged(new)) == ({"IfMatch": '"e1"'}, {"IfNoneMatch": "*"})


def test_what_is_there_now_is_told_by_a_head(tmp_path):
    path = put(tmp_path, "a", b"cat")
    s3 = Heads(md5(b"cat").hexdigest())
    s3.answer["ContentLength"] = 3

    assert Present(s3, "uploads", {}).etag_of_same_now(LocalFile(path, "images/a", 3)) == md5(b"cat").hexdigest()


@pytest.mark.parametrize("listed", [None, Listed(md5(b"cat").hexdigest(), 4)])
def test_a_file_is_not_there_without_an_object_of_its_size(tmp_path, listed):
    s3 = Heads()

    assert same(put(tmp_path, "a", b"cat"), listed, s3) is None
    assert s3.asked == 0


@pytest.mark.parametrize("etag", [md5(b"x").hexdigest(), md5(b"x").hexdigest() + "-3", "no md5 at all"])
def test_where_the_etag_is_no_md5_the_stored_digest_decides(tmp_path, etag):
    path, listed = put(tmp_path, "a", b"cat"), Listed(etag, 3)

    assert same(path, listed, Heads(etag, sha256=hashlib.sha256(b"cat").hexdigest())) == etag
    assert same(path, listed, Heads(etag, sha256=hashlib.sha256(b"dog").hexdigest())) is None
    assert same(path, listed, Heads(etag)) is None


class Nothing:
    """A bucket in which nothing was on the walk; ``now`` is the ETag of what has come since, if it is the same."""

    def __init__(self, now=None):
        self.now = now

    def etag_of_same(self, _file):
        return None

    def etag_of_same_now(self, _file):
        return self.now

    def unchanged(self, _file):
        return {"IfNoneMatch": "*"}


class Taking:
    """A bucket that takes files, unless their name says otherwise."""

    def __init__(self):
        self.at_once = self.most_at_once = 0
        self.keys = []
        self.changing = threading.Lock()

    def put(self, file, _facts, only_if):
        assert only_if == {"IfNoneMatch": "*"}
        with self.changing:
            self.keys.append(file.key)
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            return self.answer(file)
        finally:
            with self.changing:
                self.at_once -= 1

    def answer(self, file):
        if "slow-down" in file.key:
            raise ClientError({"Error": {"Code": "SlowDown", "Message": "please"}}, "PutObject")
        if "overtaken" in file.key:
            raise PreconditionFailed("412")
        return f"etag of {file.key}"


def facts(_path, key):
    if "corrupt" in key:
        raise CorruptImage("it breaks off")
    if "unreadable" in key:
        raise PermissionError("no right to read")
    return FileFacts("image/jpeg", "")


def run(names, bucket=None, threads=2, present=None):
    files = [LocalFile(Path(name), f"images/{name}", 1) for name in names]
    results = Uploader(present or Nothing(), facts, bucket or Taking(), threads).run(files)
    return {result.file.path.name: result for result in results}


def test_each_file_has_a_verdict_of_its_own():
    results = run(["a", "corrupt", "unreadable", "slow-down"])

    assert results["a"] == Result(LocalFile(Path("a"), "images/a", 1), Verdict.UPLOADED, "etag of images/a")
    assert (results["corrupt"].verdict, results["corrupt"].why) == (Verdict.REFUSED, "CorruptImage: it breaks off")
    assert (results["unreadable"].verdict, results["unreadable"].why) == (Verdict.FAILED, "no right to read")
    assert results["slow-down"].verdict is Verdict.FAILED
    assert "SlowDown" in results["slow-down"].why


@pytest.mark.parametrize(
    ("now", "verdict", "why"),
    [("e1", Verdict.THERE, ""), (None, Verdict.FAILED, "another content came under its key meanwhile")],
)
def test_what_came_under_the_key_meanwhile_is_looked_at_and_not_written_over(now, verdict, why):
    result = run(["overtaken"], present=Nothing(now))["overtaken"]

    assert (result.verdict, result.etag, result.why) == (verdict, now or "", why)


def test_no_more_files_are_in_transfer_than_there_are_threads(monkeypatch):
    bucket, together = Taking(), threading.Barrier(3)
    monkeypatch.setattr(bucket, "answer", lambda file: str(together.wait(10)))

    results = run([str(number) for number in range(30)], bucket, threads=3)

    assert bucket.most_at_once == 3
    assert {result.verdict for result in results.values()} == {Verdict.UPLOADED}


def test_when_everything_fails_the_rest_is_not_tried():
    bucket = Taking()

    verdicts = [result.verdict for result in run([f"slow-down-{n}" for n in range(500)], bucket, threads=1).values()]

    assert len(verdicts) == 500
    assert ENOUGH <= verdicts.count(Verdict.FAILED) == len(bucket.keys) <= ENOUGH + 4
    assert verdicts.count(Verdict.NOT_TRIED) == 500 - len(bucket.keys)


def test_some_failures_do_not_stop_the_rest():
    names = [f"{n}-slow-down" if n % 10 else str(n) for n in range(200)]

    verdicts = [result.verdict for result in run(names, threads=1).values()]

    assert verdicts.count(Verdict.UPLOADED) == 20
    assert verdicts.count(Verdict.FAILED) == 180


def test_interrupted_it_lets_what_is_in_transfer_end_and_begins_nothing_more():
    bucket, files = Taking(), [LocalFile(Path(str(n)), f"images/{n}", 1) for n in range(100)]

    def stop(_result):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Uploader(Nothing(), facts, bucket, 2, stop).run(files)

    assert bucket.at_once == 0
    assert len(bucket.keys) < 100
