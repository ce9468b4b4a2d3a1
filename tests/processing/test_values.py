"""Values in DynamoDB's writing are what boto3 makes of them."""

import pytest
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from hypothesis import given
from hypothesis import strategies as st

from processing.ledger import Status
from processing.ledger.values import from_attribute, to_attribute

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**37), 10**37) | st.text(max_size=9),
    lambda each: st.lists(each, max_size=3) | st.dictionaries(st.text(max_size=5), each, max_size=3),
    max_leaves=9,
)


@given(values)
def test_what_is_written_is_boto3s_and_is_read_as_boto3_reads_it(value: object) -> None:
    written = to_attribute(value)

    assert written == TypeSerializer().serialize(value)
    assert from_attribute(written) == TypeDeserializer().deserialize(written) == value


def test_a_status_is_written_as_its_text() -> None:
    assert to_attribute({"status": Status.DONE}) == {"M": {"status": {"S": "DONE"}}}
    assert type(to_attribute(Status.DONE)["S"]) is str


@pytest.mark.parametrize("value", [1.5, b"x", {1, 2}, object()])
def test_a_kind_that_the_table_does_not_have_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match="no kind of value"):
        to_attribute(value)


def test_what_somebody_else_wrote_harms_nothing() -> None:
    assert from_attribute({"M": {"tags": {"SS": ["a"]}}}) == {"tags": ["a"]}
