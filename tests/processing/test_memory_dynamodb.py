"""The table in memory answers as moto's does: the same requests, the same answers and items."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st
from moto import mock_aws

from tests.dynamodb_expressions import compile_condition, compile_update
from tests.memory_dynamodb import MemoryDynamoDB
from tests.processing.conftest import create_images_table

VALUES: Mapping[str, dict[str, Any]] = {":s": {"S": "a"}, ":t": {"S": "b"}, ":one": {"N": "1"}, ":less": {"N": "-1"}}
texts, text_values = st.sampled_from(["#a", "#b", "#c"]), st.sampled_from([":s", ":t"])
numbers, number_values = st.sampled_from(["#n", "#m"]), st.sampled_from([":one", ":less"])
names = texts | numbers


@dataclass(frozen=True)
class Request:
    etag: str
    update: str
    condition: str

    def parameters(self) -> dict[str, Any]:
        text = f"{self.update} {self.condition}"
        return {
            "TableName": "images",
            "Key": {"object": {"S": "uploads/images/cat.jpg"}, "etag": {"S": self.etag}},
            "UpdateExpression": self.update,
            "ConditionExpression": self.condition,
            "ExpressionAttributeNames": {f"#{name}": name for name in "abcnm" if f"#{name}" in text},
            "ExpressionAttributeValues": {name: value for name, value in VALUES.items() if name in text},
            "ReturnValues": "ALL_OLD",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }


@st.composite
def updates(draw: st.DrawFn) -> str:
    """Every clause at most once, every name at most once."""
    sets = draw(st.dictionaries(texts, text_values, min_size=1)) | draw(st.dictionaries(numbers, number_values))
    additions = draw(st.dictionaries(numbers, number_values))
    clauses = {
        "SET": ", ".join(f"{name} = {value}" for name, value in sets.items() if name not in additions),
        "REMOVE": ", ".join(sorted(draw(st.sets(names)) - sets.keys() - additions.keys())),
        "ADD": ", ".join(f"{name} {value}" for name, value in additions.items()),
    }
    return " ".join(f"{clause} {listed}" for clause, listed in clauses.items() if listed)


def compared(sign: str) -> st.SearchStrategy[str]:
    """Values of one type: moto fails to order a text and a number."""
    return st.builds(f"{{}} {sign} {{}}".format, texts, text_values) | st.builds(
        f"{{}} {sign} {{}}".format, numbers, number_values
    )


comparisons = st.sampled_from(["=", "<", "<=", ">", ">="]).flatmap(compared)
functions = st.builds("{}({})".format, st.sampled_from(["attribute_exists", "attribute_not_exists"]), names)
conditions = st.recursive(
    functions | comparisons,
    lambda inner: st.one_of(
        st.builds("NOT ({})".format, inner),
        st.builds("{} {} {}".format, inner, st.sampled_from(["AND", "OR"]), inner),
        st.builds("({}) {} ({})".format, inner, st.sampled_from(["AND", "OR"]), inner),
    ),
    max_leaves=6,
)
requests = st.builds(Request, etag=st.sampled_from(["e1", "e2"]), update=updates(), condition=conditions)


@pytest.fixture(scope="module")
def moto() -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "testing")
        with mock_aws():
            yield boto3.client("dynamodb", region_name="us-east-1")


def answered(client: Any, request: Request) -> tuple[str, dict[str, Any]]:
    """How a request ended, and the item that was shown."""
    try:
        return "changed", client.update_item(**request.parameters()).get("Attributes", {})
    except ClientError as error:
        shown: Mapping[str, Any] = error.response  # botocore's types know no item in an error
        return shown["Error"]["Code"], shown.get("Item", {})


def items(client: Any) -> dict[tuple[str, str], dict[str, Any]]:
    """Every item of moto's, as `MemoryDynamoDB.items` has them."""
    found = client.scan(TableName="images", ConsistentRead=True)["Items"]
    return {(item["object"]["S"], item["etag"]["S"]): item for item in found}


@settings(max_examples=60, deadline=None)
@given(st.lists(requests, min_size=1, max_size=8))
def test_the_same_requests_have_the_same_answers_and_leave_the_same_items(moto: Any, sent: list[Request]) -> None:
    memory = MemoryDynamoDB("images")
    create_images_table(moto)
    try:
        for request in sent:
            assert answered(memory, request) == answered(moto, request), request
        assert memory._items == items(moto)
    finally:
        moto.delete_table(TableName="images")


@pytest.mark.parametrize(
    ("update", "condition", "extra"),
    [
        pytest.param("SET #a = :s", "attribute_not_exists(#b)", {":t": {"S": "b"}}, id="a value that is not used"),
        pytest.param("SET #a = :s, #a = :t", "attribute_not_exists(#b)", {}, id="a path that is written twice"),
        pytest.param("SET #a = :s REMOVE #a", "attribute_not_exists(#b)", {}, id="set and removed"),
    ],
)
def test_what_moto_and_dynamodb_refuse_is_refused(
    moto: Any, update: str, condition: str, extra: dict[str, Any]
) -> None:
    create_images_table(moto)
    parameters = Request("e1", update, condition).parameters()
    parameters["ExpressionAttributeValues"] |= extra
    try:
        for client in (moto, MemoryDynamoDB("images")):
            with pytest.raises(ClientError, match="ValidationException"):
                client.update_item(**parameters)
    finally:
        moto.delete_table(TableName="images")


@pytest.mark.parametrize("name", ["object", "etag"])
def test_a_key_cannot_be_changed(name: str) -> None:
    parameters = Request("e1", "SET #a = :s", "attribute_not_exists(#a)").parameters()
    parameters["ExpressionAttributeNames"] = {"#a": name}

    with pytest.raises(ClientError, match="part of the key"):
        MemoryDynamoDB("images").update_item(**parameters)


def test_a_table_of_another_name_is_not_there() -> None:
    parameters = Request("e1", "SET #a = :s", "attribute_not_exists(#a)").parameters()

    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        MemoryDynamoDB("another").update_item(**parameters)


@pytest.mark.parametrize(
    "expression", ["#a", "#a = #b", "#a = :s AND", "(#a = :s", "#a = :s)", "size(#a) > :one", "a = :s", "#a.#b = :s"]
)
def test_a_form_of_condition_that_is_not_known_is_an_error(expression: str) -> None:
    with pytest.raises(ValueError, match="not known"):
        compile_condition(expression)


@pytest.mark.parametrize("expression", ["SET #a = #b", "SET #a = :s + :s", "SET", "DELETE #a :s", "ADD #a", "REMOVE a"])
def test_a_form_of_update_that_is_not_known_is_an_error(expression: str) -> None:
    with pytest.raises(ValueError, match="not known"):
        compile_update(expression)
