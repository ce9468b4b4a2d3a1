"""How DynamoDB writes the values that the images table has.

boto3.dynamodb.types does the same, and a test holds this to it; but to import that is to import all of boto3, a
quarter of a cold start. https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_AttributeValue.html
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any


def to_attribute(value: object) -> dict[str, Any]:
    """A value as a request has it.

    Raises:
        TypeError: the table has no values of this kind.
    """
    match value:
        case None:
            return {"NULL": True}
        case bool():
            return {"BOOL": value}
        case int():
            return {"N": str(value)}
        case str():
            return {"S": str(value)}  # of an enum too
        case Mapping():
            return {"M": {str(name): to_attribute(each) for name, each in value.items()}}
        case Sequence() if not isinstance(value, bytes):
            return {"L": [to_attribute(each) for each in value]}
    raise TypeError(f"{type(value).__name__} is no kind of value that the images table has")


def from_attribute(attribute: Mapping[str, Any]) -> Any:
    """A value as an answer has it; kinds that only somebody else can have written stay as they are."""
    [(kind, value)] = attribute.items()
    match kind:
        case "NULL":
            return None
        case "N":
            return Decimal(value)
        case "M":
            return {name: from_attribute(each) for name, each in value.items()}
        case "L":
            return [from_attribute(each) for each in value]
    return value
