"""Requests for erasures: the intent in the images table, and then the message that has the eraser begin."""

from collections.abc import Callable
from typing import Any

from processing.ledger.erasures import ErasureTable, Intent, new_intent
from processing.storage.refusals import translating_errors


class ErasureRequests:
    """Requests the erasure of images.

    Args:
        sqs: a boto3 SQS client.
        queue_url: of the erasures queue.
        clock: seconds since the epoch.
    """

    def __init__(
        self, table: ErasureTable, sqs: Any, *, queue_url: str, uploads_bucket: str, clock: Callable[[], float]
    ) -> None:
        self._table = table
        self._sqs = sqs
        self._queue_url = queue_url
        self._bucket = uploads_bucket
        self._clock = clock

    def request(self, key: str, *, by: str, owner: str) -> Intent:
        """Request the erasure of an object; the same request again is the same erasure.

        The intent comes first: an erasure whose message is lost can be requested again, and an operator sees it.

        Args:
            by: the caller's name.
            owner: the partition key of the owner's item.

        Raises:
            Unavailable: AWS refused; the client has to request it again.
        """
        intent = self._table.begin(new_intent(self._bucket, key, by=by, owner=owner, now=self._clock()))
        with translating_errors("sqs:SendMessage"):
            self._sqs.send_message(QueueUrl=self._queue_url, MessageBody=intent.digest)
        return intent
