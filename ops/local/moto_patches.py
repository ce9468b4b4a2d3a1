"""What moto lacks to stand in for AWS, added when the emulator starts; each patch could go upstream to moto.

- one lock for all DynamoDB requests, and one for all S3 requests: moto's backends check, then write, and take no lock.
- S3's checks of a presigned POST (``post_policy``): moto takes every form, whatever its signed policy says, and reads
  the fields behind the file, which S3 ignores.
- S3's checks of a presigned link (``presigned``): moto looks at neither its signature nor its time.
- limits (``moto_limits``): S3's on keys and metadata, SQS's on messages (in bytes, with attributes; characters) and on
  batches of timeouts, DynamoDB's on batches of writes.
- no version "null" of an upload in parts; listings after control characters; keys with line ends (``moto_routes``).
- one look-up of each host's backend: moto lists its own folders, twice, for each request.
- S3's events on EventBridge as AWS writes them, and a bucket's switch for them (``moto_s3_events``).
- SQS requests one at a time at constant cost, long polls that let others in, counts for who asks (``moto_queues``).
- a queue that does not poll for event source mappings (moto runs docker), and receipt handles in one call.
- a ValidateTemplate that checks a template's syntax, as CloudFormation does (``moto_templates``): moto lints it all.
- the package of a function, where GetFunction says it is (``moto_functions``): moto names an address that has none.
- message move tasks (``moto_move_tasks``): Start-, List- and CancelMessageMoveTask answer 500.
- reads that cost what they return, not what is stored (``moto_reads``): moto sorts all of a table for each Query.
- a table's stream that keeps its records, and an event bus with a physical id (``moto_streams``).
- rules that deliver as EventBridge does, to topics, state machines and API destinations too (``eventbridge``).
- state machines that run, with the emulator as their AWS (``moto_states``).

Looked at, and right in moto as far as our requests go: If-Match and "If-None-Match: *" with their 404 and 412, ranges,
304, parts that are wrong, missing or too small, pages of a listing and their encoding, SQS's batches of sends and
deletes and its numbers, DynamoDB's item size, reserved words, unused values and duplicate keys. Still more lenient than
AWS, where none of our requests comes near: Content-MD5 and checksums, conditions of a copy, an ETag in If-None-Match of
a PUT, the order of parts, numbers of 39 digits, empty sets. Not played: 403 for a missing object where the caller may
not list, and 409 for two conditional writes at once, since requests here run one after another.

Who may ask at all, and from which page, is decided before moto (``guard``). The connection handler in ``server``
(bodies read whole, connections kept open) replaces none of moto's names. Each patch looks first whether moto does its
work by now (``moto_probes``, ``moto_s3_probes``), and then steps aside; tests test the behavior, whoever brings it.
"""

import functools
import secrets
import threading
from collections.abc import Callable, Sequence
from typing import Any

from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.responses import DynamoHandler
from moto.moto_server.werkzeug_app import DomainDispatcherApplication
from moto.s3.models import S3Backend
from moto.s3.responses import S3Response
from moto.sqs import models as sqs
from moto.sqs.responses import SQSResponse

from ops.local import (
    moto_functions,
    moto_limits,
    moto_move_tasks,
    moto_probes,
    moto_queues,
    moto_reads,
    moto_routes,
    moto_s3_events,
    moto_s3_probes,
    moto_states,
    moto_streams,
    moto_templates,
    post_policy,
    presigned,
)
from ops.local.credentials import Credentials
from ops.local.eventbridge import patches as eventbridge
from ops.local.patch import Make, Patch, Replace


def install(replace: Replace = setattr, patches: Sequence[Patch] | None = None) -> None:
    """Apply every patch that moto needs; ``replace`` sets an attribute (tests pass one that can undo it).

    Raises:
        PatchError: one is needed and cannot be applied; then none is.
    """
    needed = [patch for patch in (all_patches() if patches is None else patches) if patch.is_needed()]
    for patch in needed:
        patch.apply(replace)


def all_patches(credentials: Credentials | None = None) -> list[Patch]:
    """Every patch, in the order in which they are applied; ``credentials`` are those that the emulator knows."""
    credentials = credentials or Credentials.draw()
    return [
        *_for_requests(),
        *_for_signatures(credentials),
        *_for_limits(),
        *_for_queues(),
        _for_move_tasks(),
        *(moto_templates.patch(), moto_functions.patch(), moto_routes.patch(), *moto_reads.patches()),
        *moto_streams.patches(),
        *moto_s3_events.patches(),
        *eventbridge.patches(),
        *moto_states.patches(credentials),
    ]


def _for_requests() -> list[Patch]:
    # S3 alone calls another backend (SQS, with an event, before an object has its metadata): none waits for the other
    objects = threading.RLock()
    return [
        # Without the locks two of 50 threads won one update in 1 round of 240. What the network does stays outside.
        Patch(
            "one lock for all DynamoDB requests",
            lambda: moto_probes.has_a_lock(DynamoDBBackend),
            replaces=[(DynamoHandler, "call_action", _holding(threading.RLock()))],
        ),
        Patch(
            "one lock for all S3 requests",
            lambda: moto_probes.has_a_lock(S3Backend),
            replaces=[(S3Response, name, _holding(objects)) for name in ("_bucket_response", "_key_response")],
        ),
        Patch(
            "one look-up of each host's backend",  # a sixth of a request's time
            moto_probes.remembers_hosts,
            replaces=[(DomainDispatcherApplication, "get_backend_for_host", functools.cache)],
        ),
    ]


def _for_signatures(credentials: Credentials) -> list[Patch]:
    return [
        Patch(
            "S3's checks of a presigned POST",
            lambda: moto_s3_probes.checks_presigned_posts(credentials),
            replaces=[(S3Response, "_bucket_response_post", post_policy.enforced(credentials))],
        ),
        Patch(
            "an upload by POST that ends with its file",
            moto_s3_probes.ends_a_form_with_its_file,
            replaces=[(S3Response, "setup_class", post_policy.without_late_fields)],
        ),
        Patch(
            "S3's checks of a presigned link",
            moto_s3_probes.checks_presigned_links,
            replaces=[
                (S3Response, name, presigned.enforced(credentials)) for name in ("bucket_response", "key_response")
            ],
        ),
    ]


def _for_limits() -> list[Patch]:
    return [
        Patch(
            "S3's limits on keys and metadata",
            moto_s3_probes.limits_keys,
            replaces=[
                (S3Response, "_key_response", moto_limits.of_an_object),
                (S3Response, "_bucket_response_post", moto_limits.of_a_form),
            ],
            uses=[(S3Response, "parse_key_name")],
        ),
        Patch(
            "a multipart upload to no version",
            moto_s3_probes.names_no_null_version,
            replaces=[(S3Response, "_key_response_post", moto_limits.without_null_version)],
        ),
        Patch(
            "a listing that says encoded what it starts after",
            moto_s3_probes.encodes_what_a_listing_starts_after,
            replaces=[(S3Response, "list_objects_v2", moto_limits.with_encoded_start)],
        ),
        Patch(
            "SQS's limits on messages and batches",
            moto_probes.limits_messages,
            replaces=[
                (sqs.SQSBackend, "send_message", moto_limits.of_a_message),
                (sqs.SQSBackend, "send_message_batch", moto_limits.of_a_batch_of_messages),
                (sqs.SQSBackend, "change_message_visibility_batch", moto_limits.of_a_batch_of_timeouts),
            ],
        ),
        Patch(
            "DynamoDB's limit on a batch of writes",
            moto_probes.limits_writes,
            replaces=[(DynamoHandler, "batch_write_item", moto_limits.of_a_batch_of_writes)],
        ),
    ]


def _for_queues() -> list[Patch]:
    queue, message = _probes()
    return [
        Patch(
            "SQS counts that cost only the request for them",
            moto_probes.sends_at_constant_cost,
            replaces=[
                (sqs.Queue, "BASE_ATTRIBUTES", moto_queues.without_counts),
                (sqs.SQSBackend, "get_queue_attributes", moto_queues.counting_when_asked),
            ],
        ),
        Patch(
            "SQS requests that run one at a time at constant cost",
            lambda: moto_probes.has_a_lock(sqs.SQSBackend) and moto_probes.receives_at_constant_cost(),
            replaces=[
                (sqs.Queue, "add_message", moto_queues.waking),
                (sqs.Queue, "delete_message", lambda _: moto_queues.delete_message),
                (sqs.SQSBackend, "receive_message", lambda _: moto_queues.receive_message),
                (sqs.SQSBackend, "change_message_visibility", lambda _: moto_queues.change_message_visibility),
            ],
            uses=[
                *((queue, name) for name in moto_queues.USED_OF_A_QUEUE),
                *((message, name) for name in moto_queues.USED_OF_A_MESSAGE),
                (sqs, "_filter_message_attributes"),
            ],
        ),
        Patch(
            "a queue that does not poll for event source mappings",
            moto_probes.polls_for_no_mapping,
            replaces=[(sqs.Queue, "add_message", moto_queues.without_mappings)],
            uses=[(queue, "lambda_event_source_mappings")],
        ),
        Patch(
            "receipt handles in one call",
            moto_probes.makes_receipt_handles_at_once,
            replaces=[(sqs, "generate_receipt_handle", lambda _: lambda: secrets.token_urlsafe(138))],
        ),
    ]


def _for_move_tasks() -> Patch:
    queue, message = _probes()
    return Patch(
        "message move tasks",
        lambda: all(hasattr(SQSResponse, action.__name__) for action in moto_move_tasks.ACTIONS),
        new=[(SQSResponse, action.__name__, action) for action in moto_move_tasks.ACTIONS],
        uses=[
            *((sqs.SQSBackend, name) for name in ("get_queue", "receive_message")),
            *((sqs.Queue, name) for name in ("add_message", "delete_message", "approximate_number_of_messages")),
            (queue, "dead_letter_queue"),
            (message, "mark_sent"),
            (SQSResponse, "_get_param"),
        ],
    )


def _probes() -> tuple[sqs.Queue, sqs.Message]:
    """A queue and a message that belong to nobody, with what moto sets in a constructor."""
    return sqs.SQSBackend(*moto_probes.PLACE).create_queue("probe"), sqs.Message("id", "body")


def _holding(lock: Any) -> Make:
    def make(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def alone(*args: Any, **kwargs: Any) -> Any:
            with lock:
                return function(*args, **kwargs)

        return alone

    return make
