"""AWS's limits that moto does not have, where a request of ours could pass here and be refused there.

S3: https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html; SQS:
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html; DynamoDB:
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html
"""

import functools
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from moto.dynamodb.exceptions import MockValidationException
from moto.s3.exceptions import S3ClientError
from moto.sqs import exceptions as sqs

LONGEST_KEY: Final = 1024  # bytes in UTF-8
MOST_METADATA: Final = 2 * 1024  # bytes: names without x-amz-meta-, and values
LONGEST_MESSAGE: Final = 1024 * 1024  # bytes of body and attributes, of one message and of a batch
MOST_ATTRIBUTES: Final = 10
MOST_ENTRIES: Final = 10
MOST_WRITES: Final = 25

NULL_VERSION: Final = ("x-amz-version-id", "null")

_META: Final = "x-amz-meta-"
_NOT_ALLOWED: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ENTRY_ID: Final = re.compile(r"[\w-]{1,80}")

Respond = Callable[..., Any]


def of_an_object(respond: Respond) -> Respond:
    """``S3Response._key_response`` for keys and metadata that S3 takes."""

    @functools.wraps(respond)
    def answer(response: Any, request: Any, full_url: str) -> Any:
        _check_object(response.parse_key_name(), request.headers if request.method in ("PUT", "POST") else {})
        return respond(response, request, full_url)

    return answer


def of_a_form(respond: Respond) -> Respond:
    """``S3Response._bucket_response_post`` for keys and metadata that S3 takes."""

    @functools.wraps(respond)
    def answer(response: Any, request: Any, bucket: str) -> Any:
        if "key" in response.form_data:
            _check_object(response.querystring["key"][0], response.form_data)
        return respond(response, request, bucket)

    return answer


def without_null_version(respond: Respond) -> Respond:
    """``S3Response._key_response_post`` that names no version where the bucket keeps none."""

    @functools.wraps(respond)
    def answer(*args: Any) -> Any:
        status, headers, body = respond(*args)
        return status, {name: value for name, value in headers.items() if (name, value) != NULL_VERSION}, body

    return answer


def with_encoded_start(listed: Respond) -> Respond:
    """``S3Response.list_objects_v2`` that encodes StartAfter as it does the keys: XML has no control characters."""

    @functools.wraps(listed)
    def answer(response: Any) -> Any:
        status, headers, body = listed(response)
        start = f"<StartAfter>{quote(response.querystring.get('start-after', [''])[0])}</StartAfter>"
        if response.querystring.get("encoding-type") == ["url"]:
            body = re.sub("<StartAfter>.*</StartAfter>", lambda _: start, body, flags=re.DOTALL)
        return status, headers, body

    return answer


def of_a_message(send: Respond) -> Respond:
    """``SQSBackend.send_message`` for messages that SQS takes."""

    @functools.wraps(send)
    def sent(backend: Any, queue_name: str, message_body: str, *args: Any, **kwargs: Any) -> Any:
        attributes = kwargs.get("message_attributes") or {}
        if fault := _fault_of(message_body, attributes):
            raise fault
        if _size(message_body, attributes) > LONGEST_MESSAGE:
            raise sqs.InvalidParameterValue(
                f"One or more parameters are invalid. Reason: Message must be shorter than {LONGEST_MESSAGE} bytes."
            )
        return send(backend, queue_name, message_body, *args, **kwargs)

    return sent


def of_a_batch_of_messages(send: Respond) -> Respond:
    """``SQSBackend.send_message_batch`` that counts bytes, and reports what is wrong with an entry as its failure."""

    @functools.wraps(send)
    def sent(backend: Any, queue_name: str, entries: Mapping[str, dict[str, Any]]) -> Any:
        size = sum(_size(entry["MessageBody"], entry.get("MessageAttributes") or {}) for entry in entries.values())
        if size > LONGEST_MESSAGE:
            raise sqs.BatchRequestTooLong(size)
        faults = {
            place: fault
            for place, entry in entries.items()
            if (fault := _fault_of(entry["MessageBody"], entry.get("MessageAttributes") or {}))
        }
        good = {place: entry for place, entry in entries.items() if place not in faults}
        messages, failed = send(backend, queue_name, good)
        bad = [
            {"Id": entries[place]["Id"], "SenderFault": True, "Code": fault.code, "Message": fault.message}
            for place, fault in faults.items()
        ]
        return messages, [*failed, *bad]

    return sent


def of_a_batch_of_timeouts(change: Respond) -> Respond:
    """``SQSBackend.change_message_visibility_batch`` for batches that SQS takes."""

    @functools.wraps(change)
    def changed(backend: Any, queue_name: str, entries: Sequence[Mapping[str, Any]]) -> Any:
        ids = [entry["Id"] for entry in entries]
        if not ids:
            raise sqs.EmptyBatchRequest(action="ChangeMessageVisibility")
        if len(ids) > MOST_ENTRIES:
            raise sqs.TooManyEntriesInBatchRequest(len(ids))
        if not all(map(_ENTRY_ID.fullmatch, ids)):
            raise sqs.InvalidBatchEntryId
        for each in ids:
            if ids.count(each) > 1:
                raise sqs.BatchEntryIdsNotDistinct(each)
        return change(backend, queue_name, entries)

    return changed


def of_a_batch_of_writes(write: Respond) -> Respond:
    """``DynamoHandler.batch_write_item`` for batches that DynamoDB takes."""

    @functools.wraps(write)
    def written(handler: Any) -> Any:
        count = sum(map(len, handler.body["RequestItems"].values()))
        if count > MOST_WRITES:  # clients refuse none
            raise MockValidationException(
                "1 validation error detected: Value at 'requestItems' failed to satisfy constraint: "
                f"Member must have length less than or equal to {MOST_WRITES}, Member must have length greater than "
                "or equal to 1"
            )
        return write(handler)

    return written


def _check_object(key: str, headers: Mapping[str, str]) -> None:
    if len(key.encode()) > LONGEST_KEY:
        raise S3ClientError("KeyTooLongError", "Your key is too long")
    metadata = [(name.lower(), value) for name, value in headers.items() if name.lower().startswith(_META)]
    if sum(len(name.removeprefix(_META)) + len(value.encode()) for name, value in metadata) > MOST_METADATA:
        raise S3ClientError("MetadataTooLarge", "Your metadata headers exceed the maximum allowed metadata size")


def _fault_of(body: str, attributes: Mapping[str, Any]) -> Any:
    """What SQS has against a message, as moto's exception; None when it takes it."""
    if not body:
        return sqs.MissingParameter("MessageBody")
    if _NOT_ALLOWED.search(body):
        return sqs.SQSException("InvalidMessageContents", "Invalid characters found in the message body.")
    if len(attributes) > MOST_ATTRIBUTES:
        return sqs.InvalidParameterValue(
            f"Number of message attributes [{len(attributes)}] exceeds the allowed maximum [{MOST_ATTRIBUTES}]."
        )
    return None


def _size(body: str, attributes: Mapping[str, Any]) -> int:
    values = (
        [name, each.get("DataType", ""), each.get("StringValue") or each.get("BinaryValue") or ""]
        for name, each in attributes.items()
    )
    parts = [body, *(part for value in values for part in value)]
    return sum(len(part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part) for part in parts)
