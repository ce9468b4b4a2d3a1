"""What moto lacks to stand in for AWS, added when the emulator starts; each patch could go upstream to moto.

- one lock for all DynamoDB requests: moto's backends check, then write, and take no lock.
- one lock for all S3 requests: as above, and moto sends an S3 event before it has set the object's metadata.
- S3's checks of a presigned POST (``post_policy``): moto takes every form, whatever its signed policy says.
- one look-up of each host's backend: moto lists its own folders, twice, for each request.
- SQS counts that cost only the request for them: moto counts the queue for each message that is sent or received.
- SQS requests that run one at a time at constant cost, with long polls that let others in (``moto_queues``).
- a queue that does not poll for event source mappings (upstream: as a setting): moto runs docker, the player polls.
- receipt handles in one call: moto makes each of 185 random choices.
- the package of a function, where GetFunction says it is (``moto_functions``): moto names an address that has none.
- message move tasks (``moto_move_tasks``): Start-, List- and CancelMessageMoveTask answer 500.

The connection handler in ``server`` (bodies read whole, connections kept open) replaces none of moto's names, and could
go upstream too. Each patch first looks whether moto does its work by now (``moto_probes``), and then steps aside; the
tests of the local stack test the behaviour, whichever of the two brings it.
"""

import functools
import secrets
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from moto.awslambda.responses import LambdaResponse
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.responses import DynamoHandler
from moto.moto_api._internal import urls as moto_api_urls
from moto.moto_server.werkzeug_app import DomainDispatcherApplication
from moto.s3.models import S3Backend
from moto.s3.responses import S3Response
from moto.sqs import models as sqs
from moto.sqs.responses import SQSResponse

from ops.local import moto_functions, moto_move_tasks, moto_probes, moto_queues, post_policy

Replace = Callable[[Any, str, Any], None]
Make = Callable[[Any], Any]
"""Makes the replacement out of what moto has."""


class PatchError(RuntimeError):
    """moto neither does what a patch adds nor has what the patch builds on."""


@dataclass(frozen=True)
class Patch:
    """One thing that moto lacks.

    Args:
        adds: what it adds, in a few words.
        is_in_moto: whether moto does that by now.
        replaces: owner, name and how to make the replacement.
        new: owner, name and value of what moto has not at all.
        uses: owner (a class, a module or an instance) and name of what the replacements build on.
    """

    adds: str
    is_in_moto: Callable[[], bool]
    replaces: Sequence[tuple[Any, str, Make]] = ()
    new: Sequence[tuple[Any, str, Any]] = ()
    uses: Sequence[tuple[Any, str]] = ()

    def is_needed(self) -> bool:
        """Whether moto lacks this.

        Raises:
            PatchError: it does, or nobody can tell, and it lacks a name that the patch builds on.
        """
        try:
            if self.is_in_moto():
                return False
        except Exception as error:
            raise PatchError(f"nothing tells whether moto has {self.adds}: {error}; see moto_probes.py") from error
        names = [*self.uses, *((owner, name) for owner, name, _ in self.replaces)]
        if missing := [f"{_name(owner)}.{name}" for owner, name in names if not hasattr(owner, name)]:
            raise PatchError(f"moto has neither {self.adds} nor {', '.join(missing)}: fix ops/local/moto_patches.py")
        return True

    def apply(self, replace: Replace) -> None:
        """Put the replacements in place."""
        for owner, name, make in self.replaces:
            replace(owner, name, make(getattr(owner, name)))
        for owner, name, value in self.new:
            replace(owner, name, value)


def install(replace: Replace = setattr, patches: Sequence[Patch] | None = None) -> None:
    """Apply every patch that moto needs; ``replace`` sets an attribute (tests pass one that can undo it).

    Raises:
        PatchError: one is needed and cannot be applied; then none is.
    """
    needed = [patch for patch in (all_patches() if patches is None else patches) if patch.is_needed()]
    for patch in needed:
        patch.apply(replace)


def all_patches() -> list[Patch]:
    """Every patch, in the order in which they are applied."""
    return [*_for_requests(), *_for_queues(), _for_move_tasks(), _for_functions()]


def _for_requests() -> list[Patch]:
    objects = threading.RLock()  # S3 alone calls another backend (SQS, to send an event): no two wait for each other
    return [
        # Without the locks two of 50 threads won one conditional update in 1 round of 240. What goes over the network,
        # a request's body and its answer, stays outside of them.
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
            "S3's checks of a presigned POST",
            moto_probes.checks_presigned_posts,
            replaces=[(S3Response, "_bucket_response_post", post_policy.enforced)],
        ),
        Patch(
            "one look-up of each host's backend",  # a sixth of a request's time
            moto_probes.remembers_hosts,
            replaces=[(DomainDispatcherApplication, "get_backend_for_host", functools.cache)],
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
    """A queue and a message that belong to nobody: what moto sets in a constructor can be looked for in them."""
    return sqs.SQSBackend(*moto_probes.PLACE).create_queue("probe"), sqs.Message("id", "body")


def _for_functions() -> Patch:
    return Patch(
        "the package of a function, where GetFunction says it is",
        moto_probes.serves_packages,
        replaces=[
            (LambdaResponse, "get_function", moto_functions.located),
            (moto_api_urls, "url_paths", moto_functions.routed),
        ],
    )


def _holding(lock: Any) -> Make:
    def make(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def alone(*args: Any, **kwargs: Any) -> Any:
            with lock:
                return function(*args, **kwargs)

        return alone

    return make


def _name(owner: Any) -> str:
    return getattr(owner, "__name__", None) or type(owner).__name__
