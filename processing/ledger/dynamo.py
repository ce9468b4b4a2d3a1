"""The ledger on DynamoDB: each method is one conditional UpdateItem."""

import math
import re
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, replace
from typing import Any, Final, assert_never, cast

from botocore.exceptions import ClientError

from processing.errors import Busy, Conflict, LeaseLost, RejectedEarlier
from processing.ledger.image import ImageRecord
from processing.ledger.item import (
    Attributes,
    Claim,
    Delivery,
    attributes,
    image_attributes,
    read,
    reason_attributes,
)
from processing.ledger.record import Reason, Record, Status, Version
from processing.storage.refusals import code_of, translating_errors

# Claimable: new, or neither leased, nor done, nor rejected for the same message by the same code and recipe
CLAIMABLE: Final = (
    "attribute_not_exists(#object) OR NOT ("
    "(#status = :status AND #lease_until > :now)"
    " OR #status = :done"
    " OR (#status = :rejected AND #message_id = :message_id AND #code_version = :code_version)"
    ")"
)

CLAIMS: Final = 3  # a refused claim may be allowed when its item is read: once, when a lease ends
REMOVED_SECONDS: Final = 30 * 24 * 60 * 60  # that a bare name is kept: longer than a message, and an id of the API


class DynamoLedger:
    """The ledger on DynamoDB: two write units for an image without failures, and no read.

    Args:
        client: a boto3 DynamoDB client.
        code_version: of code and recipe together.
        lease_seconds: how long a claim lasts.
        clock: seconds since the epoch.
        new_token: makes a unique token for a claim.
    """

    def __init__(
        self,
        client: Any,
        *,
        table: str,
        code_version: str,
        lease_seconds: float,
        clock: Callable[[], float],
        new_token: Callable[[], str] = lambda: uuid.uuid4().hex,
    ) -> None:
        self._dynamodb = client
        self._table = table
        self._code_version = code_version
        self._lease_seconds = lease_seconds
        self._clock = clock
        self._new_token = new_token

    def claim(
        self,
        version: Version,
        delivery: Delivery,
        *,
        over: Record | None = None,
        about: Mapping[str, str | None] | None = None,
    ) -> Claim | Record:
        """Claim a version, unless another worker holds it, it is done, or this message was rejected for it before.

        Args:
            over: claim it although it is done, if its record is still this one.
            about: more attributes of the version, such as its sequencer.

        Returns:
            The claim; or the record of the version, which is DONE.

        Raises:
            Busy: another worker holds a live lease.
            RejectedEarlier: this message was rejected by the same code and recipe in an earlier receive.
            Conflict: the claim was refused in every round by an item that may be claimed.
        """
        for _ in range(CLAIMS):
            claimed = self._claim(version, delivery, over, about)
            if claimed is not None:
                return claimed
            over = None
        raise Conflict(f"dynamodb:UpdateItem {version.object}: refused {CLAIMS} times, by an item that may be claimed")

    def _claim(
        self, version: Version, delivery: Delivery, over: Record | None, about: Mapping[str, str | None] | None
    ) -> Claim | Record | None:
        """One conditional write; None when it was refused by an item that may be claimed by now."""
        now = self._clock()
        claim = Claim(version, self._new_token(), math.ceil(now + self._lease_seconds), attempt=1, earlier=False)
        values = self._claimed(claim, delivery) | attributes(about or {})
        if over is None:
            condition, known = CLAIMABLE, _claimable(now, delivery)
        else:
            condition, known = "#owner = :seen", attributes({"seen": over.owner})
        expression = f"SET {_assignments(values)} REMOVE #expires_at ADD #attempts :one"
        try:
            old = self._update(version, expression, condition, values | known | attributes({"one": 1}))
        except _Refused as refused:
            return self._explain(refused.record, claim, delivery)
        if old is None:
            return claim
        return replace(claim, attempt=old.attempts + 1, earlier=old.attempts > 0, image=old.image)

    def complete(self, claim: Claim, image: ImageRecord) -> None:
        """Record the image as DONE, with its metadata; what only an earlier result had is removed."""
        values = image_attributes(image, claim.version)
        earlier = {"reason", "message_id", "deaths", *(field.name for field in fields(ImageRecord))} - values.keys()
        self._finish(claim, Status.DONE, values, forget=earlier)

    def close(self, claim: Claim, status: Status) -> None:
        """Record the version as SUPERSEDED or REMOVED; one that is REMOVED without ever being finished expires."""
        expires = status is Status.REMOVED and claim.image is None
        self._finish(claim, status, attributes({"expires_at": self._now() + REMOVED_SECONDS} if expires else {}))

    def reject(self, claim: Claim, reason: Reason, delivery: Delivery) -> None:
        """Record a rejection, and the message that it is for."""
        known = _reason(reason, claim, delivery) | attributes({"message_id": delivery.message_id})
        self._finish(claim, Status.REJECTED, known, is_death=True)

    def fail(self, claim: Claim, reason: Reason, delivery: Delivery) -> None:
        """Record that this attempt failed, and free the version for the next."""
        self._finish(claim, Status.FAILED, _reason(reason, claim, delivery), is_death=delivery.last_receive)

    def release(self, claim: Claim) -> None:
        """Undo the claim; nothing may have been written under it."""
        try:
            self._update(
                claim.version,
                "REMOVE #lease_until ADD #attempts :less",
                "#owner = :owner AND attribute_exists(#lease_until)",
                attributes({"owner": claim.owner, "less": -1}),
            )
        except _Refused as refused:
            self._check_owner(refused.record, claim)  # still ours: an earlier request succeeded without an answer

    def _now(self) -> int:
        return math.floor(self._clock())

    def _claimed(self, claim: Claim, delivery: Delivery) -> Attributes:
        return attributes(
            {
                "status": Status.IN_PROGRESS,
                "owner": claim.owner,
                "lease_until": claim.lease_until,
                "code_version": self._code_version,
                "last_receive": delivery.last_receive,
            }
        )

    def _finish(
        self, claim: Claim, status: Status, values: Attributes, forget: Iterable[str] = (), *, is_death: bool = False
    ) -> None:
        """End the claim; succeeds if an earlier request, which was not answered, has ended it."""
        values = values | attributes({"status": status, "updated_at": self._now()})
        removals = ", ".join(f"#{name}" for name in ("lease_until", *sorted(forget)))
        expression = f"SET {_assignments(values)} REMOVE {removals}{' ADD #deaths :one' if is_death else ''}"
        held = attributes({"owner": claim.owner, "in_progress": Status.IN_PROGRESS, "one": 1 if is_death else None})
        try:
            self._update(claim.version, expression, "#owner = :owner AND #status = :in_progress", values | held)
        except _Refused as refused:
            self._check_owner(refused.record, claim)

    def _explain(self, record: Record | None, claim: Claim, delivery: Delivery) -> Claim | Record | None:
        """The meaning of a refused claim by the record that refused it; None when it may be claimed by now."""
        if record is None:
            return None
        if record.owner == claim.owner:  # an earlier request for this claim succeeded, and its answer was lost
            return replace(claim, attempt=record.attempts, earlier=True, image=record.image)
        match record.status:
            case Status.IN_PROGRESS if record.lease_until > self._clock():
                raise Busy(float(record.lease_until))
            case Status.DONE:
                return record
            case Status.REJECTED if record.message_id == delivery.message_id and record.reason is not None:
                raise RejectedEarlier(record.reason.cause, record.reason.message)
            case Status.IN_PROGRESS | Status.REJECTED | Status.FAILED | Status.SUPERSEDED | Status.REMOVED:
                return None
            case _:
                assert_never(record.status)

    @staticmethod
    def _check_owner(record: Record | None, claim: Claim) -> None:
        if record is None or record.owner != claim.owner:
            raise LeaseLost(f"{claim.version.object} was claimed by another worker after attempt {claim.attempt}")

    def _update(self, version: Version, expression: str, condition: str, values: Attributes) -> Record | None:
        """One conditional UpdateItem; returns the record as it was before, if there was one.

        Args:
            values: by their names, without the colon.

        Raises:
            _Refused: the condition was not met; has the current record.
        """
        names = set(re.findall(r"#(\w+)", expression + condition))
        with translating_errors(f"dynamodb:UpdateItem {version.object}"):
            try:
                answer = self._dynamodb.update_item(
                    TableName=self._table,
                    Key=version.item_key,
                    UpdateExpression=expression,
                    ConditionExpression=condition,
                    ExpressionAttributeNames={f"#{name}": name for name in names},
                    ExpressionAttributeValues={f":{name}": value for name, value in values.items()},
                    ReturnValues="ALL_OLD",
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )
            except ClientError as error:
                if code_of(error) == "ConditionalCheckFailedException":
                    answer = cast(dict[str, Any], error.response)  # botocore adds the item, which its types lack
                    raise _Refused(answer.get("Item")) from error
                raise
        return read(answer["Attributes"]) if answer.get("Attributes") else None


class _Refused(Exception):
    """The condition of a write was not met; ``record`` is the current one."""

    def __init__(self, item: Attributes | None) -> None:
        super().__init__("the condition was not met")
        self.record = read(item) if item else None


def _claimable(now: float, delivery: Delivery) -> Attributes:
    """The values in `CLAIMABLE`; the first receive of a message is always an attempt, even after a rejection."""
    message_id = delivery.message_id if delivery.receive_count > 1 else "-"
    return attributes(
        {"now": math.floor(now), "done": Status.DONE, "rejected": Status.REJECTED, "message_id": message_id}
    )


def _assignments(values: Attributes) -> str:
    return ", ".join(f"#{name} = :{name}" for name in values)


def _reason(reason: Reason, claim: Claim, delivery: Delivery) -> Attributes:
    last, request_id = delivery.last_receive, delivery.request_id
    return reason_attributes(replace(reason, attempt=claim.attempt, last=last, request_id=request_id))
