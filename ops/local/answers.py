"""What a function's answer says of its batch, by AWS's table for ReportBatchItemFailures."""

from collections.abc import Set
from typing import Any


class InvalidAnswerError(Exception):
    """The answer means that the whole batch failed."""


def failed_messages(answer: Any, batch: Set[str]) -> Set[str]:
    """The ids of the messages in ``batch`` that did not succeed.

    Nothing and an object without failures are success, so a function that forgets to answer loses its failures; one
    entry that cannot be understood is failure of all. Documented in "Implementing partial batch responses" of the
    Lambda developer guide; what it leaves open (an answer that is no object) is read as failure, which loses nothing.

    Raises:
        InvalidAnswerError: all of them failed, for this reason.
    """
    if answer is None:
        return frozenset()
    if not isinstance(answer, dict):
        raise InvalidAnswerError(f"the answer is {type(answer).__name__}, not an object")
    entries = answer.get("batchItemFailures")
    if entries is None:
        return frozenset()
    if not isinstance(entries, list):
        raise InvalidAnswerError(f"batchItemFailures is {type(entries).__name__}, not a list")
    return frozenset(_identifier(entry, batch) for entry in entries)


def _identifier(entry: Any, batch: Set[str]) -> str:
    if not isinstance(entry, dict) or "itemIdentifier" not in entry:
        raise InvalidAnswerError(f"an entry without itemIdentifier: {entry!r}")
    identifier = entry["itemIdentifier"]
    if not isinstance(identifier, str) or not identifier:
        raise InvalidAnswerError(f"an empty itemIdentifier: {identifier!r}")
    if identifier not in batch:
        raise InvalidAnswerError(f"an itemIdentifier that is not in the batch: {identifier}")
    return identifier
