"""The ledger on DynamoDB: each method is one conditional UpdateItem."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from typing import Any, cast

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.exceptions import ClientError

from processing.aws import calling, code_of
from processing.errors import Busy, Conflict, LeaseLost, RejectedEarlier
from processing.ledger.model import Claim, Delivery, Finished, ImageRecord, Reason, Status, Version

# Claimable: never seen, or neither held, nor done, nor rejected for this very message by this very code and recipe.
CLAIMABLE = (
    "attribute_not_exists(#object) OR NOT ("
    "(#status = :status AND #lease_until > :now)"
    " OR (#status = :done AND #recipe = :recipe)"
    " OR (#status = :rejected AND #message_id = :message_id AND #recipe = :recipe AND #code_version = :code_version)"
    ")"
)

CLAIMS = 3  # whether a version may be claimed changes between condition and explanation once, when a lease ends
MAX_REASON = 300  # bytes in UTF-8; keeps an item of many attempts below 1 KB


class DynamoLedger:
    """Two write units for an image that goes through at once, and no read.

    Args:
        client: a boto3 DynamoDB client.
        recipe: the fingerprint of today's recipe.
        lease_seconds: how long a claim lasts.
        clock: seconds since the epoch.
        new_token: a token that was never given before.
    """

    def __init__(
        self,
        client: Any,
        *,
        table: str,
        recipe: str,
        code_version: str,
        lease_seconds: float,
        clock: Callable[[], float],
        new_token: Callable[[], str],
    ) -> None:
        self._dynamodb = client
        self._table = table
        self._recipe = recipe
        self._code_version = code_version
        self._lease_seconds = lease_seconds
        self._clock = clock
        self._new_token = new_token

    def claim(
        self,
        version: Version,
        delivery: Delivery,
        *,
        over: Finished | None = None,
        about: Mapping[str, str] | None = None,
    ) -> Claim | Finished:
        """Claim a version, unless somebody is at it, it is done, or this message was rejected for it before.

        Args:
            over: claim it although it is done, if it is still as it was then.
            about: what else to record of the version, such as its sequencer.

        Raises:
            Busy: another worker holds a live lease.
            RejectedEarlier: this very message was rejected by the same code and recipe in an earlier receive.
            Conflict: the claim was refused a few times, and never by an item that forbids it.
        """
        for _ in range(CLAIMS):
            claimed = self._claim(version, delivery, over, about)
            if claimed is not None:
                return claimed
            over = None
        raise Conflict(f"dynamodb:UpdateItem {version.object}: refused {CLAIMS} times, by an item that may be claimed")

    def _claim(
        self, version: Version, delivery: Delivery, over: Finished | None, about: Mapping[str, str] | None
    ) -> Claim | Finished | None:
        """One conditional write; None when it was refused by an item that has become claimable meanwhile."""
        now = self._clock()
        claim = Claim(version, self._new_token(), math.ceil(now + self._lease_seconds), attempt=1, earlier=False)
        values = self._claimed(claim, about or {}) | {":last_receive": delivery.last_receive}
        sets = _assignments(values)
        if over is None:
            condition, known = CLAIMABLE, _claimable(now, delivery)
        else:
            condition, known = "#owner = :seen", {":seen": over.owner}
        try:
            old = self._update(version, f"SET {sets} ADD #attempts :one", condition, values | known | {":one": 1})
        except _Refused as refused:
            return self._explain(refused.item, claim, delivery)
        attempts = int(old.get("attempts", 0))
        return replace(claim, attempt=attempts + 1, earlier=attempts > 0)

    def complete(self, claim: Claim, record: ImageRecord) -> None:
        """Record the image as DONE, with its metadata."""
        values = {f":{name}": value for name, value in asdict(record).items() if value is not None}
        self._finish(claim, Status.DONE, values, forget="#reason, #message_id")

    def settle(self, claim: Claim, status: Status) -> None:
        """Record the version as SUPERSEDED or REMOVED."""
        self._finish(claim, status, {})

    def reject(self, claim: Claim, reason: Reason, delivery: Delivery) -> None:
        """Record that trying again cannot help, and for which message that was found."""
        values = {":reason": _reason(reason, claim, delivery), ":message_id": delivery.message_id}
        self._finish(claim, Status.REJECTED, values)

    def fail(self, claim: Claim, reason: Reason, delivery: Delivery) -> None:
        """Record that this attempt failed, and free the version for the next."""
        self._finish(claim, Status.FAILED, {":reason": _reason(reason, claim, delivery)})

    def release(self, claim: Claim) -> None:
        """Give the claim back as if it had never been made; nothing may have been written under it."""
        try:
            self._update(
                claim.version,
                "REMOVE #lease_until ADD #attempts :less",
                "#owner = :owner AND attribute_exists(#lease_until)",
                {":owner": claim.owner, ":less": -1},
            )
        except _Refused as refused:
            self._check_owner(refused.item, claim)  # still ours: an earlier request did it, unanswered

    def _claimed(self, claim: Claim, about: Mapping[str, str]) -> dict[str, Any]:
        return {
            ":status": Status.IN_PROGRESS,
            ":owner": claim.owner,
            ":lease_until": claim.lease_until,
            ":recipe": self._recipe,
            ":code_version": self._code_version,
            ":bucket": claim.version.bucket,
        } | {f":{name}": value for name, value in about.items()}

    def _finish(self, claim: Claim, status: Status, values: dict[str, Any], forget: str = "") -> None:
        """End the claim; one that this owner has ended before, in a request that was never answered, stays so."""
        values = values | {":status": status, ":updated_at": math.floor(self._clock())}
        removals = ", ".join(filter(None, ("#lease_until", forget)))
        expression = f"SET {_assignments(values)} REMOVE {removals}"
        held = {":owner": claim.owner, ":in_progress": Status.IN_PROGRESS}
        try:
            self._update(claim.version, expression, "#owner = :owner AND #status = :in_progress", values | held)
        except _Refused as refused:
            self._check_owner(refused.item, claim)

    def _explain(self, item: Mapping[str, Any], claim: Claim, delivery: Delivery) -> Claim | Finished | None:
        """What a refused claim means, from the item that refused it; None when it has become claimable meanwhile."""
        if item.get("owner") == claim.owner:  # an earlier request of this very claim won, and its answer was lost
            return replace(claim, attempt=int(item["attempts"]), earlier=True)
        status = item.get("status")
        if status == Status.IN_PROGRESS and item.get("lease_until", 0) > self._clock():
            raise Busy(float(item["lease_until"]))
        if status == Status.DONE and item.get("recipe") == self._recipe:
            return Finished(str(item["owner"]))
        if status == Status.REJECTED and item.get("message_id") == delivery.message_id:
            raise RejectedEarlier(item["reason"]["class"], item["reason"]["message"])
        return None

    @staticmethod
    def _check_owner(item: Mapping[str, Any], claim: Claim) -> None:
        if item.get("owner") != claim.owner:
            raise LeaseLost(f"{claim.version.object} was claimed by another worker after attempt {claim.attempt}")

    def _update(self, version: Version, expression: str, condition: str, values: Mapping[str, Any]) -> dict[str, Any]:
        """One conditional UpdateItem; returns the item as it was before.

        Raises:
            _Refused: the condition did not hold; carries the item as it is.
        """
        names, serialize = set(re.findall(r"#(\w+)", expression + condition)), TypeSerializer().serialize
        with calling(f"dynamodb:UpdateItem {version.object}"):
            try:
                answer = self._dynamodb.update_item(
                    TableName=self._table,
                    Key={"object": {"S": version.object}, "etag": {"S": version.etag}},
                    UpdateExpression=expression,
                    ConditionExpression=condition,
                    ExpressionAttributeNames={f"#{name}": name for name in names},
                    ExpressionAttributeValues={name: serialize(value) for name, value in values.items()},
                    ReturnValues="ALL_OLD",
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )
            except ClientError as error:
                if code_of(error) == "ConditionalCheckFailedException":
                    answer = cast(dict[str, Any], error.response)  # botocore adds the item, its types do not say so
                    raise _Refused(_plain(answer.get("Item", {}))) from error
                raise
        return _plain(answer.get("Attributes", {}))


class _Refused(Exception):
    """A conditional write met another state: ``item``."""

    def __init__(self, item: Mapping[str, Any]) -> None:
        super().__init__("the condition did not hold")
        self.item = item


def _claimable(now: float, delivery: Delivery) -> dict[str, Any]:
    """What `CLAIMABLE` compares with; the first receive of a message is an attempt whatever was rejected before."""
    message_id = delivery.message_id if delivery.receive_count > 1 else "-"
    return {
        ":now": math.floor(now),
        ":done": Status.DONE,
        ":rejected": Status.REJECTED,
        ":message_id": message_id,
    }


def _assignments(values: Mapping[str, Any]) -> str:
    return ", ".join(f"#{name[1:]} = {name}" for name in values)


def _plain(item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: TypeDeserializer().deserialize(value) for name, value in item.items()}


def _reason(reason: Reason, claim: Claim, delivery: Delivery) -> dict[str, Any]:
    return {
        "class": reason.cause,
        "message": _cut(reason.message),
        "fingerprint": reason.fingerprint,
        "attempt": claim.attempt,
        "request_id": delivery.request_id,
        "last": delivery.last_receive,
    }


def _cut(message: str) -> str:
    """A message of at most `MAX_REASON` bytes; DynamoDB refuses a surrogate that stands alone."""
    return message.encode(errors="replace")[:MAX_REASON].decode(errors="ignore")
