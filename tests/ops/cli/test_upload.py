"""``darkroom upload``: every file is in the bucket once, whatever came between, and is followed to its end."""

import hashlib
import json

import pytest
from typer.testing import CliRunner

from ops.cli.interruption import SIGNALS
from ops.cli.main import INTERRUPTED, make_app
from ops.cli.upload.content import FileFacts
from ops.cli.upload.transfer import ONE_REQUEST, PART, Transfer
from processing.errors import PreconditionFailed
from tests.ops.cli.bare import bare_stage, stored, told_of
from tests.ops.cli.embedded import HEIC, jpeg, prefix_of, put, stage_of, use, with_requirements
from tests.ops.cli.interrupted_upload import interrupted_again_and_again, make_files
from tests.ops.cli.signals import signal_at


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    with bare_stage(tmp_path_factory.mktemp("bare")) as (stage, emulator):
        yield stage, emulator


@pytest.fixture
def stage(bare):
    """The stage without a consumer, with an empty bucket and an empty queue."""
    stage, _ = bare
    if keys := [{"Key": key} for key in stored(stage)]:
        stage.client("s3").delete_objects(Bucket=stage.uploads_bucket, Delete={"Objects": keys})
    told_of(stage)
    return stage


@pytest.fixture
def upload(bare, monkeypatch):
    return command(bare[1], monkeypatch)


def command(stack, monkeypatch):
    """Runs the command, and gives its exit code, standard output and standard error."""
    use(monkeypatch, stack)
    return lambda *words, **more: CliRunner().invoke(
        make_app(), ["upload", *map(str, words), "--stage", "local"], **more
    )


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    (folder / "a").mkdir(parents=True)
    (folder / "a" / "cat.jpg").write_bytes(jpeg(1))
    (folder / "a" / "dog.png").write_bytes(jpeg(2))
    (folder / "notes.txt").write_text("milk")
    return folder


def md5(content):
    return hashlib.md5(content, usedforsecurity=False)


def counts(result, uploaded="uploaded"):
    """What was uploaded, or else would be, and the rest; there is never some of both."""
    said = json.loads(result.stdout)
    assert 0 in (said["uploaded"], said["would_be_uploaded"])
    return {name: said[name] for name in (uploaded, "there_already", "refused", "failed")}


def test_interrupted_at_random_moments_every_object_is_uploaded_once(stage, bare, tmp_path):
    result = interrupted_again_and_again(stage, bare[1], tmp_path / "photos", files=300, interruptions=3, seed=0)

    assert result.stored == result.expected
    assert dict(result.told_of) == dict.fromkeys(result.expected, 1)
    assert result.exit_codes[-1] == 0, result.words
    assert any(code != 0 for code in result.exit_codes)


@pytest.fixture
def shared(stage, upload, monkeypatch):
    """Runs the command with the clients of the tests."""
    monkeypatch.setattr("ops.cli.stage.find", lambda *_: stage)
    return upload


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_ended_by_a_signal_it_lets_what_is_in_transfer_end_and_the_next_run_uploads_the_rest(
    stage, shared, tmp_path, number
):
    expected = make_files(tmp_path, 40)

    with signal_at(number, stage.client("s3"), "PutObject", after=2):
        result = shared(tmp_path, "--threads", "2")
    first = stored(stage)
    again = counts(shared(tmp_path, "--json"))

    assert result.exit_code == INTERRUPTED
    assert "What was in transfer is uploaded; the same command uploads the rest." in result.stderr
    assert 3 <= len(first) < 40
    assert again == {"uploaded": 40 - len(first), "there_already": len(first), "refused": 0, "failed": 0}
    assert stored(stage) == expected
    assert dict(told_of(stage)) == dict.fromkeys(expected, 1)


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_ended_by_a_signal_in_the_midst_of_a_large_file_it_leaves_no_parts_behind(stage, shared, tmp_path, number):
    path = tmp_path / "large.bin"
    with path.open("wb") as file:
        file.truncate(ONE_REQUEST + 1)

    with signal_at(number, stage.client("s3"), "UploadPart", after=1) as requested:
        result = shared(path, "--all")

    assert result.exit_code == INTERRUPTED
    assert requested[-1] == "CompleteMultipartUpload"
    assert "Uploads" not in stage.client("s3").list_multipart_uploads(Bucket=stage.uploads_bucket)
    assert list(stored(stage)) == ["images/large.bin"]


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_ended_by_a_signal_while_it_follows_it_says_that_the_files_are_there(stage, shared, photos, number):
    with signal_at(number, stage.client("dynamodb"), "BatchGetItem", after=1):
        result = shared(photos, "--wait")

    assert result.exit_code == INTERRUPTED
    assert "The files are in the bucket and are processed without this command" in result.stderr
    assert len(stored(stage)) == 2


def test_the_same_command_uploads_nothing_again(stage, upload, photos):
    first = upload(photos, "--json")
    before = told_of(stage)

    second = upload(photos, "--json")

    assert counts(first) == {"uploaded": 2, "there_already": 0, "refused": 0, "failed": 0}
    assert counts(second) == {"uploaded": 0, "there_already": 2, "refused": 0, "failed": 0}
    assert (first.exit_code, second.exit_code) == (0, 0)
    assert set(before) == {"images/a/cat.jpg", "images/a/dog.png"}
    assert not told_of(stage)


def test_a_file_that_changed_is_uploaded_again(stage, upload, photos):
    upload(photos)
    changed = bytearray(jpeg(1))
    changed[-20] ^= 1  # of the same size, so that its content has to tell
    (photos / "a" / "cat.jpg").write_bytes(changed)

    assert counts(upload(photos, "--json")) == {"uploaded": 1, "there_already": 1, "refused": 0, "failed": 0}
    assert stored(stage)["images/a/cat.jpg"] == md5(changed).hexdigest()


def test_an_object_has_the_type_of_its_content_and_its_digest(stage, upload, photos):
    upload(photos, "--prefix", "2026")

    answer = stage.client("s3").head_object(Bucket=stage.uploads_bucket, Key="images/2026/a/dog.png")
    assert answer["ContentType"] == "image/jpeg"
    assert answer["Metadata"] == {"sha256": hashlib.sha256(jpeg(2)).hexdigest()}


def test_a_large_file_goes_in_parts_and_is_known_again(stage, upload, tmp_path):
    path = tmp_path / "large.bin"
    with path.open("wb") as file:
        file.truncate(ONE_REQUEST + 1)

    assert counts(upload(path, "--all", "--json"))["uploaded"] == 1
    answer = stage.client("s3").head_object(Bucket=stage.uploads_bucket, Key="images/large.bin")
    assert answer["ETag"].strip('"').endswith(f"-{ONE_REQUEST // PART + 1}")
    assert answer["ContentLength"] == ONE_REQUEST + 1
    assert counts(upload(path, "--all", "--json"))["there_already"] == 1


@pytest.mark.parametrize(
    ("size", "only_if"),
    [
        pytest.param(100, {"IfNoneMatch": "*"}, id="new, in one request"),
        pytest.param(100, {"IfMatch": '"0"'}, id="to be replaced, in one request"),
        pytest.param(ONE_REQUEST + 1, {"IfNoneMatch": "*"}, id="new, in parts"),  # moto does not ask for If-Match there
    ],
)
def test_a_write_whose_condition_does_not_hold_writes_nothing(stage, tmp_path, size, only_if):
    put(stage, "images/a.bin", b"other")
    told_of(stage)
    path = tmp_path / "a.bin"
    path.write_bytes(bytes(size))

    with Transfer.to(stage.client("s3"), stage.uploads_bucket) as transfer, pytest.raises(PreconditionFailed):
        transfer.put(path, "images/a.bin", FileFacts("image/jpeg", ""), only_if=only_if)

    assert stored(stage)["images/a.bin"] == md5(b"other").hexdigest()
    assert not told_of(stage)
    assert "Uploads" not in stage.client("s3").list_multipart_uploads(Bucket=stage.uploads_bucket)


def test_a_transfer_has_no_say_in_the_clients_later_requests(stage, tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(b"cat")
    with Transfer.to(stage.client("s3"), stage.uploads_bucket) as transfer:
        transfer.put(path, "images/a.bin", FileFacts("image/jpeg", ""), only_if={"IfNoneMatch": "*"})

    assert put(stage, "images/a.bin", b"dog") == md5(b"dog").hexdigest()


def test_parts_of_another_size_are_known_by_the_stored_digest(stage, upload, tmp_path):
    s3, where = stage.client("s3"), {"Bucket": stage.uploads_bucket, "Key": "images/other.bin"}
    content = bytes(range(256)) * 24_000  # 6.1 MB
    metadata = {"sha256": hashlib.sha256(content).hexdigest()}
    upload_id = s3.create_multipart_upload(**where, Metadata=metadata)["UploadId"]
    pieces = (content[: 5 * 2**20], content[5 * 2**20 :])
    parts = [
        {"PartNumber": n, "ETag": s3.upload_part(**where, UploadId=upload_id, PartNumber=n, Body=piece)["ETag"]}
        for n, piece in enumerate(pieces, 1)
    ]
    s3.complete_multipart_upload(**where, UploadId=upload_id, MultipartUpload={"Parts": parts})
    (tmp_path / "other.bin").write_bytes(content)

    result = upload(tmp_path / "other.bin", "--all")
    assert "1 compared by SHA-256" in result.stderr
    assert "there already" in result.stdout
    assert result.exit_code == 0


def test_a_dry_run_tells_the_same_and_uploads_nothing(stage, upload, photos):
    (photos / "broken.jpg").write_bytes(jpeg()[:50])

    dry = upload(photos, "--dry-run", "--json")
    assert stored(stage) == {}
    real = upload(photos, "--json")

    assert counts(real) == {"uploaded": 2, "there_already": 0, "refused": 1, "failed": 0}
    planned = json.loads(dry.stdout)
    assert counts(dry, "would_be_uploaded") == {"would_be_uploaded": 2, "there_already": 0, "refused": 1, "failed": 0}
    assert (planned["uploaded"], planned["bytes_uploaded"]) == (0, 0)
    assert planned["bytes_to_upload"] == json.loads(real.stdout)["bytes_uploaded"] > 0
    assert planned.keys() == json.loads(real.stdout).keys()


def test_a_format_that_only_the_workshop_can_read_is_refused(stage, upload, photos, tmp_path, monkeypatch):
    pytest.importorskip("pi_heif")
    (photos / "phone.heic").write_bytes(HEIC.read_bytes())

    unpackaged, packaged = (
        upload(photos, "--dry-run", "--json")
        for _ in with_requirements(tmp_path, monkeypatch, "ops.cli.upload.command.packaged_readers")
    )

    would_be = "would_be_uploaded"
    assert counts(unpackaged, would_be) == {would_be: 2, "there_already": 0, "refused": 1, "failed": 0}
    assert "pi_heif" in unpackaged.stdout
    assert counts(packaged, would_be) == {would_be: 3, "there_already": 0, "refused": 0, "failed": 0}


def test_what_the_consumer_would_refuse_is_named_and_left_here(stage, upload, photos):
    (photos / "broken.jpg").write_bytes(jpeg()[:50])

    result = upload(photos)

    assert result.exit_code == 1
    assert "broken.jpg: CorruptImage" in result.stderr
    assert "images/broken.jpg" not in stored(stage)


def test_all_uploads_whatever_there_is(stage, upload, photos):
    (photos / "broken.jpg").write_bytes(jpeg()[:50])

    assert upload(photos, "--all").exit_code == 0
    assert set(stored(stage)) == {f"images/{n}" for n in ("a/cat.jpg", "a/dog.png", "broken.jpg", "notes.txt")}


def test_what_failed_is_named_and_the_same_command_uploads_it(stage, upload, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cat.jpg").write_bytes(jpeg(1))

    first = upload("-", "--json", input="cat.jpg\nlate.jpg\n")
    (tmp_path / "late.jpg").write_bytes(jpeg(2))
    second = upload("-", "--json", input="cat.jpg\nlate.jpg\n")

    assert (first.exit_code, second.exit_code) == (1, 0)
    (left,) = json.loads(first.stdout)["left"]
    assert (left["file"], left["key"], left["verdict"]) == ("late.jpg", "images/late.jpg", "failed")
    assert "No such file" in left["why"]
    assert counts(second) == {"uploaded": 1, "there_already": 1, "refused": 0, "failed": 0}


def test_a_refusal_of_s3_is_told_in_its_words(stage, upload, photos):
    policy = {"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::bare-uploads/*"}
    s3 = stage.client("s3")
    s3.put_bucket_policy(Bucket=stage.uploads_bucket, Policy=json.dumps({"Statement": [policy]}))
    try:
        result = upload(photos, "--json")
    finally:
        s3.delete_bucket_policy(Bucket=stage.uploads_bucket)

    assert result.exit_code == 1
    assert counts(result)["failed"] == 2
    assert all("403" in each["why"] and "PutObject" in each["why"] for each in json.loads(result.stdout)["left"])


def test_nothing_to_upload_is_said(upload, tmp_path):
    result = upload(tmp_path)

    assert result.exit_code == 2
    assert "no file has the name of an image" in result.stderr


def test_uploads_are_followed_to_their_ends(stack, photos, monkeypatch):
    (photos / "broken.jpg").write_bytes(jpeg()[:400])
    upload, folder = command(stack, monkeypatch), prefix_of(stage_of(stack))

    result = upload(photos, "--prefix", folder, "--all", "--exclude", "*.txt", "--wait", "--json")

    assert result.exit_code == 1
    assert json.loads(result.stdout)["outcomes"] == {"done": 2, "rejected: CorruptImage": 1}


def test_what_did_not_end_well_says_what_to_do(stage, upload, photos):
    version = {"object": {"S": f"{stage.uploads_bucket}/images/a/cat.jpg"}, "etag": {"S": md5(jpeg(1)).hexdigest()}}
    item = version | {"status": {"S": "REJECTED"}, "reason": {"M": {"cause": {"S": "CorruptImage"}}}}
    stage.client("dynamodb").put_item(TableName=stage.images_table, Item=item)

    result = upload(photos, "--wait", "--timeout", "1")

    assert result.exit_code == 1
    assert "darkroom dlq groups --stage local" in result.stderr
    assert "darkroom backfill --missing --stage local" in result.stderr
    assert "rejected: CorruptImage" in result.stdout


def test_what_was_there_already_is_waited_for_as_well(stack, tmp_path, monkeypatch):
    stage, upload = stage_of(stack), command(stack, monkeypatch)
    (tmp_path / "cat.jpg").write_bytes(jpeg(7))
    put(stage, f"{stage.uploads_prefix}there/cat.jpg", jpeg(7))

    result = upload(tmp_path, "--prefix", "there", "--wait")

    assert result.exit_code == 0
    assert "there already" in result.stdout
    assert "done" in result.stdout
