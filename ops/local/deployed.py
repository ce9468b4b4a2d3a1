"""What is deployed, as the player needs it: the event source mapping, its function, and what an answer means."""

from collections.abc import Mapping as MappingType
from collections.abc import Set
from dataclasses import dataclass
from typing import Any

from ops.errors import StackError

DEFAULT_CONCURRENCY = 1000  # a mapping without MaximumConcurrency is bounded by the account's


@dataclass(frozen=True)
class Function:
    """A deployed function's configuration."""

    name: str
    arn: str
    handler: str
    timeout: float
    memory: int
    environment: MappingType[str, str]
    runtime: str = "python3.13"
    code_sha256: str = ""
    """Of the package, in base64."""

    @classmethod
    def from_api(cls, answer: MappingType[str, Any]) -> "Function":
        """Out of the answer to GetFunctionConfiguration."""
        return cls(
            name=answer["FunctionName"],
            arn=answer["FunctionArn"],
            handler=answer["Handler"],
            timeout=answer["Timeout"],
            memory=answer["MemorySize"],
            environment=answer.get("Environment", {}).get("Variables", {}),
            runtime=answer["Runtime"],
            code_sha256=answer["CodeSha256"],
        )


@dataclass(frozen=True)
class EventSourceMapping:
    """The settings of a queue's event source mapping."""

    queue_arn: str
    function_name: str
    batch_size: int = 10
    window: float = 0
    maximum_concurrency: int = DEFAULT_CONCURRENCY
    reports_failures: bool = True
    enabled: bool = True

    @classmethod
    def from_api(cls, answer: MappingType[str, Any]) -> "EventSourceMapping":
        """Out of the answer to GetEventSourceMapping, or one of those of ListEventSourceMappings.

        Raises:
            StackError: Lambda would not take it, or the player cannot play it.
        """
        if answer.get("FilterCriteria"):
            raise StackError(
                "the mapping has FilterCriteria, which silently delete other messages and are not emulated: "
                "remove filterPatterns from the sqs event in serverless.yml"
            )
        mapping = cls(
            queue_arn=answer["EventSourceArn"],
            function_name=answer["FunctionArn"],
            batch_size=answer.get("BatchSize", 10),
            window=answer.get("MaximumBatchingWindowInSeconds", 0),
            maximum_concurrency=answer.get("ScalingConfig", {}).get("MaximumConcurrency", DEFAULT_CONCURRENCY),
            reports_failures="ReportBatchItemFailures" in answer.get("FunctionResponseTypes", []),
            enabled=answer.get("State", "Enabled") == "Enabled",
        )
        if mapping.batch_size > 10 and mapping.window < 1:
            raise StackError(f"batchSize {mapping.batch_size} needs a batching window of 1 s or more: set one")
        return mapping

    @property
    def region(self) -> str:
        """The queue's region."""
        return self.queue_arn.split(":")[3]

    @property
    def queue_name(self) -> str:
        """The queue's name."""
        return self.queue_arn.split(":")[5]


def check(function: Function, queue_attributes: MappingType[str, str]) -> None:
    """What Lambda checks when a mapping is made.

    Raises:
        StackError: a message could come back while its first invocation still runs.
    """
    visibility = int(queue_attributes["VisibilityTimeout"])
    if visibility < function.timeout:
        raise StackError(
            f"the queue's visibility timeout ({visibility} s) is below the timeout of {function.name} "
            f"({function.timeout:g} s): Lambda refuses that; raise the former to six times the latter"
        )


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
