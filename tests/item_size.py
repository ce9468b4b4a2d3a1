"""How many bytes DynamoDB counts for an item.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
"""

from collections.abc import Mapping
from typing import Any


def size_of(item: Mapping[str, Mapping[str, Any]]) -> int:
    """The names and the values of an item as a request has it."""
    return sum(len(name.encode()) + _size(value) for name, value in item.items())


def _size(attribute: Mapping[str, Any]) -> int:
    ((kind, value),) = attribute.items()
    match kind:
        case "S":
            return len(value.encode())
        case "N":  # two digits a byte, and one more; zeros at either end are not counted
            digits = value.lstrip("-").replace(".", "").strip("0")
            return (len(digits) + 1) // 2 + 1
        case "BOOL" | "NULL":
            return 1
        case "L":
            return 3 + sum(1 + _size(each) for each in value)
        case "M":
            return 3 + sum(1 + len(name.encode()) + _size(each) for name, each in value.items())
    raise TypeError(f"{kind} is no type of the images table")
