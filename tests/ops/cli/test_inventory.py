"""An S3 Inventory by its manifest: checked before it is used, read file by file, gone on with from any row."""

import dataclasses
import gzip
import hashlib
import io
import json
import random
from datetime import UTC, datetime

import pytest

from ops.cli.backfill.inventory import Inventory
from ops.errors import UsageError
from tests.builders import client_error

FOLDER = "inv/uploads/daily"
KEY = f"{FOLDER}/2026-11-21T01-00Z/manifest.json"
ADDRESS = f"s3://inventories/{KEY}"
SCHEMA = "Bucket, Key, Size, LastModifiedDate, ETag"
CREATED = datetime(2026, 11, 21, 1, tzinfo=UTC)


def rows(*names, bucket="uploads"):
    return "".join(f'"{bucket}","images/{name}","12","2026-11-20T12:00:00.000Z","e-{name}"\n' for name in names)


class InventoryBucket:
    """GetObject and downloads of a bucket with one inventory, whose files are CSV texts; packed."""

    def __init__(self, *texts, schema=SCHEMA, bucket="uploads", **changed):
        self.objects = {f"{FOLDER}/data/{n}.csv.gz": gzip.compress(text.encode()) for n, text in enumerate(texts)}
        self.fetched, self.denied = list[str](), set[str]()
        files = [
            {"key": key, "size": len(body), "MD5checksum": hashlib.md5(body).hexdigest()}
            for key, body in self.objects.items()
        ]
        document = {
            "sourceBucket": bucket,
            "destinationBucket": "arn:aws:s3:::inventories",
            "version": "2016-11-30",
            "creationTimestamp": str(int(CREATED.timestamp() * 1000)),
            "fileFormat": "CSV",
            "fileSchema": schema,
            "files": files,
        } | changed
        self.manifest(json.dumps(document).encode())

    def manifest(self, content, checksum=None):
        self.objects[KEY] = content
        digest = checksum or hashlib.md5(content).hexdigest()
        self.objects[KEY.replace("manifest.json", "manifest.checksum")] = f"{digest}\n".encode()

    def get_object(self, **request):
        assert request["Bucket"] == "inventories"
        return {"Body": io.BytesIO(self._body(request["Key"], "GetObject", "NoSuchKey"))}

    def download_fileobj(self, bucket, key, file, **_config):
        assert bucket == "inventories"
        self.fetched.append(key.rpartition("/")[2])
        file.write(self._body(key, "HeadObject", "404"))

    def _body(self, key, operation, missing):
        if key in self.denied:
            raise client_error("AccessDenied", 403, operation)
        if key not in self.objects:
            raise client_error(missing, 404, operation)
        return self.objects[key]

    def copy_to(self, folder):
        """As ``aws s3 sync`` of the inventory's folder leaves it; the manifest's path."""
        for key, body in self.objects.items():
            file = folder / key.removeprefix(f"{FOLDER}/")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(body)
        return folder / KEY.removeprefix(f"{FOLDER}/")


def keys(inventory, after=""):
    return [one.key.removeprefix("images/") for one in inventory.found(after=after)]


def read(bucket, source=ADDRESS, **options):
    return Inventory(str(source), bucket="uploads", s3=bucket, **options)


def test_every_file_of_a_manifest_is_read_once_and_one_after_the_other():
    bucket = InventoryBucket(rows("a", "b"), rows("c"), rows("d", "e"))
    inventory = read(bucket)
    found, fetched = [], []
    for one in inventory.found():
        found.append((one.key, one.etag, one.size, one.position))
        fetched.append(len(bucket.fetched))

    assert [key for key, *_ in found] == [f"images/{name}" for name in "abcde"]
    assert found[2] == ("images/c", "e-c", 12, "2:1")
    assert fetched == [1, 1, 2, 3, 3]
    assert (inventory.created, inventory.missing) == (CREATED, [])


def test_the_same_inventory_copied_to_this_machine_gives_the_same_objects(tmp_path):
    bucket = InventoryBucket(rows("a", "b"), rows("c"))
    local, stored = read(None, bucket.copy_to(tmp_path)), read(bucket)

    assert list(local.found()) == list(stored.found())
    assert local.identity == stored.identity


def test_a_run_that_ends_anywhere_is_gone_on_with_at_the_next_row_and_fetches_no_earlier_file():
    rng = random.Random(16)
    texts = [rows(*(f"{file}-{row:03}" for row in range(rng.randint(0, 40)))) for file in range(6)]
    everything = list(read(InventoryBucket(*texts)).found())

    for stop in sorted(rng.sample(range(len(everything)), 12)):
        bucket = InventoryBucket(*texts)
        rest = list(read(bucket).found(after=everything[stop].position))
        assert rest == everything[stop + 1 :]
        assert bucket.fetched[:1] == [f"{int(everything[stop].position.split(':')[0]) - 1}.csv.gz"]


def test_of_versions_only_the_latest_that_are_no_delete_markers_are_found():
    schema = "Bucket, Key, VersionId, IsLatest, IsDeleteMarker, Size, ETag"
    text = (
        '"uploads","images/a%20b%2Bc.jpg","v2","true","false","5","e2"\n'
        '"uploads","images/a%20b%2Bc.jpg","v1","false","false","5","e1"\n'
        '"uploads","images/gone.jpg","v3","true","true","",""\n'
    )

    (found,) = read(InventoryBucket(text, schema=schema)).found()
    assert (found.key, found.etag) == ("images/a b+c.jpg", "e2")


@pytest.mark.parametrize(("column", "at"), [("ETag", 4), ("Size", 2)])
def test_without_etag_or_size_every_object_is_left_to_a_head(column, at):
    schema = ", ".join(name for name in SCHEMA.split(", ") if name != column)
    text = "\n".join(",".join(cell for n, cell in enumerate(row.split(",")) if n != at) for row in rows("a").split())
    inventory = read(InventoryBucket(text, schema=schema))

    assert inventory.missing == [column]
    assert [dataclasses.astuple(one)[2] for one in inventory.found()] == [""]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"fileFormat": "Parquet"}, "an inventory in Parquet: configure one in CSV, or give keys on stdin"),
        ({"fileFormat": "ORC"}, "an inventory in ORC"),
        ({"bucket": "others"}, "is of the bucket others, and this stage's is uploads"),
        ({"schema": "Bucket, Size"}, "no column Key"),
        ({"schema": "Bucket, Key, VersionId, Size, ETag"}, "the latest is unknown"),
        ({"files": [{"key": "a"}]}, "is not the manifest.json of an S3 Inventory .KeyError"),
        ({"creationTimestamp": "yesterday"}, "is not the manifest.json of an S3 Inventory .ValueError"),
    ],
    ids=["Parquet", "ORC", "another bucket", "no keys", "versions without latest", "no MD5", "no time"],
)
def test_an_inventory_that_cannot_be_used_is_refused_before_anything_is_sent(changed, said):
    with pytest.raises(UsageError, match=said):
        read(InventoryBucket(rows("a"), **changed))


def test_a_manifest_that_is_not_the_one_of_its_checksum_is_refused():
    bucket = InventoryBucket(rows("a"))
    bucket.manifest(bucket.objects[KEY], checksum="0" * 32)

    with pytest.raises(UsageError, match=r"not the one of its manifest\.checksum"):
        read(bucket)


def test_an_address_without_a_manifest_is_refused():
    with pytest.raises(UsageError, match=r"s3://inventories/nowhere/manifest\.json does not exist"):
        read(InventoryBucket(), "s3://inventories/nowhere/manifest.json")


def test_no_row_of_a_file_with_another_md5_is_taken():
    bucket = InventoryBucket(rows("a"), rows("b"))
    bucket.objects[f"{FOLDER}/data/1.csv.gz"] = gzip.compress(rows("x").encode())
    found = read(bucket).found()

    assert next(found).key == "images/a"
    with pytest.raises(UsageError, match=r"1\.csv\.gz is not the file of .* \(another MD5\)"):
        next(found)


def test_a_file_that_is_gone_is_named_with_the_usual_reasons(tmp_path):
    bucket = InventoryBucket(rows("a"))
    manifest = bucket.copy_to(tmp_path)
    del bucket.objects[f"{FOLDER}/data/0.csv.gz"]
    (tmp_path / "data" / "0.csv.gz").unlink()

    with pytest.raises(UsageError, match="destination prefix ends with a slash"):
        list(read(bucket).found())
    with pytest.raises(UsageError, match=r"names 0\.csv\.gz, which is neither beside it nor in data/"):
        list(read(None, manifest).found())


@pytest.mark.parametrize("key", [KEY, f"{FOLDER}/data/0.csv.gz"])
def test_what_may_not_be_read_names_the_right_that_is_needed(key):
    bucket = InventoryBucket(rows("a"))
    bucket.denied.add(key)

    with pytest.raises(UsageError, match=r"needs s3:GetObject on the inventory's bucket"):
        list(read(bucket).found())


def test_another_inventory_under_the_same_name_has_another_identity(tmp_path):
    one = tmp_path / "inventory.csv"
    one.write_text(rows("a"))
    before = read(None, one, columns=SCHEMA).identity
    one.write_text(rows("a", "b"))

    assert read(None, one, columns=SCHEMA).identity != before
    assert read(InventoryBucket(rows("a"))).identity != read(InventoryBucket(rows("b"))).identity


def test_a_file_larger_than_what_is_kept_in_memory_is_read_from_the_disk(monkeypatch):
    monkeypatch.setattr("ops.cli.backfill.manifest.MEMORY", 10)
    bucket = InventoryBucket(rows(*map(str, range(1000))))

    assert keys(read(bucket)) == [str(number) for number in range(1000)]
