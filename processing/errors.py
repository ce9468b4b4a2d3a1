"""The error tree: every failure of an object or a message, by how it is handled.

::

    DarkroomError
    ├── Rejected                   the object or the message is at fault; a retry cannot help
    │   ├── MalformedMessage       not an S3 notification
    │   ├── UnusableKey            no variant can have the key (NUL, "..", too long)
    │   ├── UnsupportedFormat      not an image, or a format the recipe does not accept
    │   ├── CorruptImage           corrupt or truncated
    │   ├── ImageTooLarge          more bytes, pixels, frames or memory than the limits allow
    │   ├── ArchivedObject         in an archive storage class: it must be restored first
    │   ├── CustomerKeyRequired    encrypted with a key that only the uploader has (SSE-C)
    │   ├── RenderTimeout          decoding or rendering did not finish in time, twice
    │   ├── RenderCrash            ... ended its process, twice
    │   ├── RenderOutOfMemory      ... used more memory than allowed, twice
    │   └── RejectedEarlier        the same message, rejected in an earlier receive; not retried
    ├── Retryable                  the environment is at fault; the same message may succeed later
    │   ├── Unavailable            S3, DynamoDB or SQS refused or failed; `cause` is AWS's own error code
    │   ├── Conflict               refused because of other writers in every round
    │   ├── PreconditionFailed     a conditional write found another state; after a few rounds a Conflict
    │   ├── LeaseLost              another worker holds this version now
    │   ├── SandboxFailed          the child processes that render failed
    │   └── OutOfTime              too little of the lease or the invocation is left
    ├── Busy                       another worker holds a live lease; retried when it ends
    ├── NotStarted                 too little time was left to begin
    ├── SourceChanged              the uploads bucket no longer has the version of the message
    │   ├── SourceReplaced         ... it has another one
    │   └── SourceGone             ... it has none
    ├── ErasureEnded               another worker has finished this erasure
    ├── ObjectLocked               Object Lock keeps a version, so that nothing of the object is erased
    ├── SandboxUnavailable         no child process can be started in this environment
    └── Misconfigured              settings or recipe are invalid; lists every fault by name

Any other exception is a bug: it is retried, and logged with its traceback. A bug in a child process is raised in the
consumer as a `RenderBug`, which is outside the tree as well.
"""

from collections.abc import Sequence


class DarkroomError(Exception):
    """The base class of the errors in this package."""

    @property
    def cause(self) -> str:
        """The name under which failures of this kind are grouped."""
        return type(self).__name__


class Rejected(DarkroomError):
    """The object or the message is at fault; it goes to the dead-letter queue at once, with this reason."""


class MalformedMessage(Rejected):
    """The body is not an S3 notification in any form that S3, SNS or EventBridge sends."""


class UnusableKey(Rejected):
    """The object's key cannot become the key of a variant."""


class UnsupportedFormat(Rejected):
    """The bytes are not an image, or an image in a format that is not accepted."""


class CorruptImage(Rejected):
    """The image is truncated or corrupt."""


class ImageTooLarge(Rejected):
    """The image exceeds a limit: of bytes, pixels, frames or memory."""

    @classmethod
    def above(cls, found: str, limit: str, setting: str) -> "ImageTooLarge":
        """With what the image has, what it may have, both with their unit, and the setting that says so."""
        return cls(f"{found}; the limit is {limit} ({setting})")


class ArchivedObject(Rejected):
    """The object is in a storage class, or an archive tier, and must be restored before it can be read."""


class CustomerKeyRequired(Rejected):
    """The object is encrypted with the uploader's own key (SSE-C), and unreadable without it."""


class RenderTimeout(Rejected):
    """Rendering did not finish in time, in two tries, the second one alone."""


class RenderCrash(Rejected):
    """Rendering ended its process, in two tries, the second one alone.

    Args:
        signal: the number of the signal that ended it, if one did.
    """

    def __init__(self, message: str, *, signal: int | None = None) -> None:
        super().__init__(message)
        self.signal = signal


class RenderOutOfMemory(Rejected):
    """Rendering exceeded its memory, in two tries, the second one with all the memory."""


class RejectedEarlier(Rejected):
    """This message was rejected in an earlier receive, and fails without another try.

    Args:
        cause: of that rejection.
    """

    def __init__(self, cause: str, message: str) -> None:
        super().__init__(message)
        self._cause = cause

    @property
    def cause(self) -> str:
        return self._cause


class Retryable(DarkroomError):
    """Nothing is wrong with the object; the same message may succeed later."""


class Unavailable(Retryable):
    """An AWS service refused or failed.

    Args:
        code: the service's own error code, such as ``SlowDown`` or ``AccessDenied``.
        operation: the request, such as ``s3:GetObject images/cat.jpg``.
        detail: the service's own words.
    """

    def __init__(self, code: str, operation: str, detail: str = "") -> None:
        super().__init__(f"{operation}: {code}" + (f": {detail}" if detail else ""))
        self.code = code
        self.operation = operation
        self.detail = detail

    @property
    def cause(self) -> str:
        return self.code


class Conflict(Retryable):
    """A conditional write was refused in every round, because of other writers of the same key or item."""


class PreconditionFailed(Retryable):
    """The condition of a write was not met."""


class LeaseLost(Retryable):
    """Another worker has taken over the claim; nothing more may be written under it."""


class SandboxFailed(Retryable):
    """The child processes that render failed, and were replaced; the image is not at fault."""


class OutOfTime(Retryable):
    """Too little of the lease or the invocation is left for the next request, or for a second try."""


class Busy(DarkroomError):
    """Another worker holds a live lease on this version until ``lease_until`` (seconds since the epoch)."""

    def __init__(self, lease_until: float) -> None:
        super().__init__(f"another worker holds the lease until {lease_until:.0f}")
        self.lease_until = lease_until


class NotStarted(DarkroomError):
    """Too little time was left in this invocation to begin; nothing was written."""


class SourceChanged(DarkroomError):
    """The uploads bucket no longer has the version of the message."""


class SourceReplaced(SourceChanged):
    """The bucket has another version now, which has a message of its own."""


class SourceGone(SourceChanged):
    """The bucket has no such object now."""


class ErasureEnded(DarkroomError):
    """Another worker has finished this erasure."""


class ObjectLocked(DarkroomError):
    """S3's Object Lock keeps a version of the object or of a variant; nothing was deleted."""


class SandboxUnavailable(DarkroomError):
    """No child process can be started in this environment, or the first one does not work.

    Args:
        number: the system's error number, if the system refused something.
        is_crash: a process crashed or did not respond, so the same work must not be done in the consumer itself.
    """

    def __init__(self, message: str, *, number: int | None = None, is_crash: bool = False) -> None:
        super().__init__(message)
        self.number = number
        self.is_crash = is_crash


class Misconfigured(DarkroomError):
    """The settings or the recipe are invalid.

    Args:
        faults: one sentence each, beginning with the name of the setting.
    """

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = tuple(faults)


class RenderBug(Exception):
    """A bug in this code, raised in a child process.

    Args:
        kind: the name of the exception's class there.
        frames: the frames of its traceback there, as `processing.fingerprint` names them, outermost first.
        trace: the traceback there, printed below the one of this process.
    """

    def __init__(self, kind: str, message: str, frames: Sequence[str], trace: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.frames = tuple(frames)
        self.add_note(trace)
