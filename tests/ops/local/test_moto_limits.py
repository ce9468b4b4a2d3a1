"""What AWS refuses for its size or its form is refused here as well."""

import pytest
from botocore.exceptions import ClientError

from ops.local.moto_limits import LONGEST_KEY, LONGEST_MESSAGE, MOST_METADATA
from tests.ops.local.conftest import REGION

BUCKET = "limits"


@pytest.fixture(scope="module")
def s3(emulator):
    client = emulator.client("s3")
    client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    return client


@pytest.fixture(scope="module")
def sqs(emulator):
    return emulator.client("sqs")


@pytest.fixture(scope="module")
def url(sqs):
    return sqs.create_queue(QueueName="limits")["QueueUrl"]


@pytest.fixture(scope="module")
def dynamodb(emulator):
    client = emulator.client("dynamodb")
    client.create_table(
        TableName="limits",
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return client


def code_of(action, **request):
    with pytest.raises(ClientError) as refused:
        action(**request)
    return refused.value.response["Error"]["Code"]


def test_a_key_has_at_most_1024_bytes(s3):
    s3.put_object(Bucket=BUCKET, Key="é" * (LONGEST_KEY // 2), Body=b"x")

    assert code_of(s3.put_object, Bucket=BUCKET, Key="é" * (LONGEST_KEY // 2) + "k", Body=b"x") == "KeyTooLongError"
    assert code_of(s3.create_multipart_upload, Bucket=BUCKET, Key="k" * (LONGEST_KEY + 1)) == "KeyTooLongError"


def test_metadata_has_at_most_2_kilobytes_with_its_names(s3):
    put = {"Bucket": BUCKET, "Key": "k", "Body": b"x"}
    s3.put_object(**put, Metadata={"name": "x" * (MOST_METADATA - 4)})

    assert code_of(s3.put_object, **put, Metadata={"name": "x" * (MOST_METADATA - 3)}) == "MetadataTooLarge"


def test_an_upload_in_parts_names_no_version_where_the_bucket_keeps_none(s3):
    place = {"Bucket": BUCKET, "Key": "parts"}
    place["UploadId"] = s3.create_multipart_upload(**place)["UploadId"]
    part = {"PartNumber": 1, "ETag": s3.upload_part(**place, PartNumber=1, Body=b"x")["ETag"]}

    answer = s3.complete_multipart_upload(**place, MultipartUpload={"Parts": [part]})

    assert "VersionId" not in answer
    assert answer["ETag"].endswith('-1"')


def test_an_upload_in_parts_names_its_version_where_the_bucket_keeps_them(s3):
    s3.create_bucket(Bucket="limits-versions", CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_bucket_versioning(Bucket="limits-versions", VersioningConfiguration={"Status": "Enabled"})
    place = {"Bucket": "limits-versions", "Key": "parts"}
    place["UploadId"] = s3.create_multipart_upload(**place)["UploadId"]
    part = {"PartNumber": 1, "ETag": s3.upload_part(**place, PartNumber=1, Body=b"x")["ETag"]}

    assert s3.complete_multipart_upload(**place, MultipartUpload={"Parts": [part]})["VersionId"] != "null"


def test_a_key_may_have_line_ends(s3):
    key = "odd/line\nend\n.jpg"
    s3.put_object(Bucket=BUCKET, Key=key, Body=b"x")

    assert s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() == b"x"
    s3.delete_object(Bucket=BUCKET, Key=key)


def test_a_listing_starts_after_a_key_that_has_control_characters(s3):
    s3.put_object(Bucket=BUCKET, Key="odd/a\x01 & <é>", Body=b"x")
    s3.put_object(Bucket=BUCKET, Key="odd/b", Body=b"x")

    answer = s3.list_objects_v2(Bucket=BUCKET, Prefix="odd/", StartAfter="odd/a\x01 & <é>")

    assert ([each["Key"] for each in answer["Contents"]], answer["StartAfter"]) == (["odd/b"], "odd/a\x01 & <é>")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("a\x00b", "InvalidMessageContents"),
        ("a\ufffeb", "InvalidMessageContents"),
        ("", "MissingParameter"),
        ("é" * (LONGEST_MESSAGE // 2) + "x", "InvalidParameterValue"),
    ],
)
def test_a_message_that_sqs_does_not_take(sqs, url, body, code):
    assert code_of(sqs.send_message, QueueUrl=url, MessageBody=body) == code


def test_attributes_count_and_are_at_most_ten(sqs, url):
    text = {"DataType": "String", "StringValue": "x" * 100}
    ten = {f"a{number}": text for number in range(10)}
    sqs.send_message(QueueUrl=url, MessageBody="x", MessageAttributes=ten)

    eleven = ten | {"b": text}
    too_long = "x" * (LONGEST_MESSAGE - 900)
    assert code_of(sqs.send_message, QueueUrl=url, MessageBody="x", MessageAttributes=eleven) == "InvalidParameterValue"
    assert (
        code_of(sqs.send_message, QueueUrl=url, MessageBody=too_long, MessageAttributes=ten) == "InvalidParameterValue"
    )


def test_a_bad_message_of_a_batch_fails_alone(sqs, url):
    entries = [{"Id": "good", "MessageBody": "x"}, {"Id": "bad", "MessageBody": "\x01"}]

    answer = sqs.send_message_batch(QueueUrl=url, Entries=entries)

    assert [entry["Id"] for entry in answer["Successful"]] == ["good"]
    (failed,) = answer["Failed"]
    assert (failed["Id"], failed["Code"], failed["SenderFault"]) == ("bad", "InvalidMessageContents", True)


def test_a_batch_is_measured_in_bytes(sqs, url):
    entries = [{"Id": str(number), "MessageBody": "é" * (LONGEST_MESSAGE // 4)} for number in range(3)]

    assert code_of(sqs.send_message_batch, QueueUrl=url, Entries=entries).endswith("BatchRequestTooLong")
    assert len(sqs.send_message_batch(QueueUrl=url, Entries=entries[:2])["Successful"]) == 2


@pytest.mark.parametrize(
    ("ids", "code"),
    [
        ([], "EmptyBatchRequest"),
        (["a", "b", "a"], "BatchEntryIdsNotDistinct"),
        (["a b"], "InvalidBatchEntryId"),
        ([str(number) for number in range(11)], "TooManyEntriesInBatchRequest"),
    ],
)
def test_a_batch_of_timeouts_that_sqs_does_not_take(sqs, url, ids, code):
    entries = [{"Id": each, "ReceiptHandle": "none", "VisibilityTimeout": 1} for each in ids]

    assert code_of(sqs.change_message_visibility_batch, QueueUrl=url, Entries=entries).endswith(code)


def test_a_batch_of_26_writes_is_refused(dynamodb):
    writes = [{"PutRequest": {"Item": {"k": {"S": str(number)}}}} for number in range(26)]

    assert code_of(dynamodb.batch_write_item, RequestItems={"limits": writes}) == "ValidationException"


def test_twenty_five_writes_are_taken(dynamodb):
    writes = [{"PutRequest": {"Item": {"k": {"S": str(number)}}}} for number in range(25)]

    assert dynamodb.batch_write_item(RequestItems={"limits": writes})["UnprocessedItems"] == {}
