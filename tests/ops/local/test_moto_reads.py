"""Reads of a patched moto answer as those of the unboth one; that they cost less is what each patch looks for."""

import functools
import random
from collections import Counter

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from ops.local import moto_reads

SEED = 20261126
ROUNDS = 40
PAGES = 3
EACH = moto_reads.patches()
PREFIXES = ("", "a", "a/", "a/b", "b", "zz")
KEYS = ("a", "a/1", "a/2", "a/b/1", "a/b/2", "a/c", "b", "b/1", "c", "é/1")
INDEXES = ("by-size", "by-name")


@pytest.fixture(scope="module")
def clients():
    with mock_aws():
        session = boto3.Session("local", "local", region_name="eu-west-1")
        s3 = session.client("s3")
        s3.create_bucket(Bucket="bucket", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        s3.put_bucket_versioning(Bucket="bucket", VersioningConfiguration={"Status": "Enabled"})
        yield {"s3": s3, "dynamodb": session.client("dynamodb")}


@pytest.fixture(scope="module")
def both():
    """Answers to a request without the patches, and with them in place."""

    def answers(request):
        plain = answer_of(request)
        with pytest.MonkeyPatch.context() as patch:
            for each in EACH:
                each.apply(functools.partial(patch.setattr, raising=False))
            return plain, answer_of(request)

    return answers


def answer_of(action):
    try:
        answer = action()
    except ClientError as error:
        return error.response["Error"]
    answer.pop("ResponseMetadata")
    return answer


def create(dynamodb, name, kind):
    """A table whose sort key has this type, None for none, with an index of each kind."""
    keys = [("k", "HASH"), *([("r", "RANGE")] if kind else [])]
    types = {"k": "S", "size": "N", "name": "S", **({"r": kind} if kind else {})}
    by = {"by-size": [("size", "HASH")], "by-name": [("name", "HASH"), ("size", "RANGE")]}
    dynamodb.create_table(
        TableName=name,
        KeySchema=schema(keys),
        AttributeDefinitions=[{"AttributeName": each, "AttributeType": types[each]} for each in types],
        GlobalSecondaryIndexes=[
            {"IndexName": index, "KeySchema": schema(by[index]), "Projection": {"ProjectionType": "ALL"}}
            for index in INDEXES
        ],
        BillingMode="PAY_PER_REQUEST",
    )


def schema(keys):
    return [{"AttributeName": name, "KeyType": kind} for name, kind in keys]


def value(rng, kind):
    number = rng.choice((1, 2, 3, 9, 10, 11, 100))
    return {"S": {"S": f"r{number}"}, "N": {"N": str(number)}, "B": {"B": bytes([number])}}[kind]


def fill(rng, dynamodb, table, kind):
    for _ in range(60):
        item = {"k": {"S": rng.choice("abc")}, **({"r": value(rng, kind)} if kind else {})}
        item |= {name: value(rng, each) for name, each in (("size", "N"), ("name", "S")) if rng.random() < 0.7}
        item |= {
            "list": {"L": [{"M": {"x": {"BOOL": True}}}, {"NULL": True}]},
            "set": {"NS": ["1"]},
            "empty": {"S": ""},
        }
        dynamodb.put_item(TableName=table, Item=item)


def query(rng, table, kind):
    """A query at random: of the table or an index, a part of it or a page, forwards or backwards."""
    index = rng.choice((None, None, None, *INDEXES))
    hash_name, hash_value = ("k", {"S": rng.choice("abcd")}) if index is None else ("name", value(rng, "S"))
    if index == "by-size":
        hash_name, hash_value = "size", value(rng, "N")
    request = {"TableName": table, "ScanIndexForward": rng.random() < 0.5}
    names, values, condition = {"#k": hash_name}, {":k": hash_value}, "#k = :k"
    range_name, range_kind = {None: ("r", kind), "by-name": ("size", "N")}.get(index, ("", None))
    if range_kind and rng.random() < 0.4:
        names["#r"], values[":low"] = range_name, value(rng, range_kind)
        condition += " AND #r >= :low"
    if rng.random() < 0.3:
        request["FilterExpression"], names["#f"], values[":f"] = "#f <> :f", "list", {"S": "x"}
    if rng.random() < 0.7:
        request["Limit"] = rng.choice((1, 2, 5))
    if rng.random() < 0.5:
        start = {"k": {"S": rng.choice("abc")}, "r": value(rng, kind or "S"), hash_name: hash_value}
        start |= {"size": value(rng, "N"), hash_name: hash_value} if index == "by-name" else {}
        request["ExclusiveStartKey"] = {name: each for name, each in start.items() if kind or name != "r"}
    request |= {"IndexName": index} if index else {"ConsistentRead": True}
    return request | {
        "KeyConditionExpression": condition,
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": values,
    }


@pytest.mark.parametrize("kind", ["S", "N", "B", None])
def test_a_query_answers_as_it_did(clients, both, kind):
    rng, table = random.Random(SEED), f"table-{kind}"
    create(clients["dynamodb"], table, kind)
    fill(rng, clients["dynamodb"], table, kind)

    answers: Counter[str] = Counter()
    for _ in range(ROUNDS):
        request = query(rng, table, kind)
        plain, ours = both(functools.partial(clients["dynamodb"].query, **request))
        assert ours == plain, request
        answers["pages" if "LastEvaluatedKey" in plain else "items" if plain.get("Items") else "none"] += 1
    assert len(answers) == 3 or kind is None


def listing(rng, versions):
    """A listing at random."""
    request = {"Bucket": "bucket", "Prefix": rng.choice(PREFIXES), "MaxKeys": rng.choice((1, 1, 2, 3, 1000))}
    if rng.random() < 0.3:
        request["Delimiter"] = "/"
    if rng.random() < 0.5:
        request["KeyMarker" if versions else "StartAfter"] = rng.choice((*KEYS, "a/", "0", "zz"))
    return request


@pytest.mark.parametrize("operation", ["list_objects_v2", "list_object_versions"])
def test_every_page_of_a_listing_is_as_it_was(clients, both, operation):
    rng, s3 = random.Random(SEED), clients["s3"]
    for key in rng.choices(KEYS, k=20):
        s3.put_object(Bucket="bucket", Key=key, Body=b"x")
        if rng.random() < 0.3:
            s3.delete_object(Bucket="bucket", Key=rng.choice(KEYS))

    truncated = 0
    for _ in range(ROUNDS):
        request, page = listing(rng, operation == "list_object_versions"), {"IsTruncated": True}
        for _ in range(PAGES):
            if not page["IsTruncated"]:
                break
            plain, ours = both(functools.partial(getattr(s3, operation), **request))
            assert ours == plain, request
            truncated += plain["IsTruncated"]
            page = plain
            if operation == "list_objects_v2":
                request["ContinuationToken"] = page.get("NextContinuationToken", "")
            else:
                after = ("KeyMarker", "VersionIdMarker")
                request |= {name: page[f"Next{name}"] for name in after if f"Next{name}" in page}
                page["IsTruncated"] &= "VersionIdMarker" in request
    assert truncated > 5
