"""The uploads queue, as far as the consumer speaks to it: when failed messages come back."""

from collections.abc import Mapping
from typing import Any

from processing.errors import Retryable, Unavailable
from processing.storage.refusals import translating_errors

ENTRIES = 10  # what ChangeMessageVisibilityBatch takes


class SqsQueue:
    """The uploads queue on SQS.

    Args:
        client: a boto3 SQS client.
    """

    def __init__(self, client: Any, url: str) -> None:
        self._sqs = client
        self._url = url

    def postpone(self, delays: Mapping[str, int]) -> None:
        """Make received messages visible again so many seconds from now, by receipt handle.

        Raises:
            Unavailable: after every entry was asked for, when some were refused; those come back when the queue's
                own visibility timeout ends.
        """
        handles = list(delays)
        refused: list[str] = []
        for start in range(0, len(handles), ENTRIES):
            entries = [
                {"Id": str(index), "ReceiptHandle": handle, "VisibilityTimeout": delays[handle]}
                for index, handle in enumerate(handles[start : start + ENTRIES])
            ]
            try:
                with translating_errors("sqs:ChangeMessageVisibilityBatch"):
                    answer = self._sqs.change_message_visibility_batch(QueueUrl=self._url, Entries=entries)
            except Retryable as error:
                refused.append(error.cause)
            else:
                refused += [entry["Code"] for entry in answer.get("Failed", [])]
        if refused:
            raise Unavailable(refused[0], "sqs:ChangeMessageVisibilityBatch", f"{len(refused)} entries not changed")
