"""Everything that can go wrong with one object or one message, by what has to be done about it.

::

    DarkroomError
    ├── Rejected                   the object or the message is at fault; trying again cannot help
    │   ├── MalformedMessage       not a notification this queue should hold
    │   ├── UnusableKey            the key cannot be given to variants (NUL, "..", too long)
    │   ├── UnsupportedFormat      not an image, or a format the recipe does not accept
    │   ├── CorruptImage           broken or truncated
    │   ├── ImageTooLarge          more bytes, pixels, frames or memory than the limits allow
    │   ├── ArchivedObject         in an archive storage class: it has to be restored first
    │   ├── CustomerKeyRequired    encrypted with a key that only the uploader has (SSE-C)
    │   ├── RenderTimeout          decoding or rendering came to no end, twice
    │   ├── RenderCrash            ... took its process down, twice
    │   ├── RenderOutOfMemory      ... took more memory than its header promised, twice
    │   └── RejectedEarlier        the same message, rejected in an earlier receive; not tried again
    ├── Retryable                  the world is at fault; the same message may well succeed later
    │   ├── Unavailable            S3, DynamoDB or SQS refused or failed; `cause` is AWS's own error code
    │   ├── Conflict               other writers were first, or S3 said so, in every round
    │   ├── PreconditionFailed     a conditional write met another state; after a few rounds a Conflict
    │   ├── LeaseLost              another worker holds this version now
    │   ├── SandboxFailed          the child processes that render failed by themselves
    │   └── OutOfTime              a request could outlive the lease or the invocation, or a second try the latter
    ├── Busy                       another worker holds a live lease; come back when it ends
    ├── NotStarted                 too little time was left to begin
    ├── SourceChanged              the uploads bucket no longer holds the version we came for
    │   ├── SourceReplaced         ... it holds another one
    │   └── SourceGone             ... it holds none
    ├── SandboxUnavailable         no child process can be started in this environment
    └── Misconfigured              settings or recipe: every fault, each by its name

Anything else that is raised is a bug, and is treated as one: retried, and logged with its traceback. A bug met in a
child process arrives as a `RenderBug`, outside the tree as it was there.
"""

from collections.abc import Sequence


class DarkroomError(Exception):
    """The root: everything this package raises on purpose."""

    @property
    def cause(self) -> str:
        """The name under which failures of this kind are grouped."""
        return type(self).__name__


class Rejected(DarkroomError):
    """The object or the message is at fault; it goes to the dead-letter queue at once, with this reason."""


class MalformedMessage(Rejected):
    """The body is not an S3 notification in any of the forms S3, SNS and EventBridge send."""


class UnusableKey(Rejected):
    """The key cannot be turned into the keys of variants."""


class UnsupportedFormat(Rejected):
    """The bytes are no image, or in a format that is not accepted."""


class CorruptImage(Rejected):
    """The bytes begin as an image, and then break off or make no sense."""


class ImageTooLarge(Rejected):
    """The image has more bytes, pixels or frames than the limits allow."""


class ArchivedObject(Rejected):
    """The object is in a storage class, or an archive tier, from which it cannot be read before it is restored."""


class CustomerKeyRequired(Rejected):
    """The object is encrypted with a key that its uploader keeps (SSE-C); nobody else can read it."""


class RenderTimeout(Rejected):
    """Rendering the image did not end in time, alone as well."""


class RenderCrash(Rejected):
    """Rendering the image ended the process it was done in, alone as well.

    Args:
        signal: the number of the signal that ended it, if one did.
    """

    def __init__(self, message: str, *, signal: int | None = None) -> None:
        super().__init__(message)
        self.signal = signal


class RenderOutOfMemory(Rejected):
    """Rendering the image took more memory than it may have, alone as well."""


class RejectedEarlier(Rejected):
    """This message was rejected in an earlier receive; it fails fast, on its way to the dead-letter queue.

    Args:
        cause: what it was rejected for then.
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
        operation: what was asked for, such as ``s3:GetObject images/cat.jpg``.
    """

    def __init__(self, code: str, operation: str, detail: str = "") -> None:
        super().__init__(f"{operation}: {code}" + (f": {detail}" if detail else ""))
        self.code = code
        self.operation = operation

    @property
    def cause(self) -> str:
        return self.code


class Conflict(Retryable):
    """A conditional write was refused in each of a few rounds: other writers are at the same key or item."""


class PreconditionFailed(Retryable):
    """A conditional write met another state than the one it was conditional on."""


class LeaseLost(Retryable):
    """The claim was taken over by another worker; nothing more may be written under it."""


class SandboxFailed(Retryable):
    """The child processes that render failed, through no fault of the image; they were replaced."""


class OutOfTime(Retryable):
    """The lease or the invocation would end before the next request could be answered, or a second try be made."""


class Busy(DarkroomError):
    """Another worker holds a live lease on this version until ``lease_until`` (seconds since the epoch)."""

    def __init__(self, lease_until: float) -> None:
        super().__init__(f"another worker holds the lease until {lease_until:.0f}")
        self.lease_until = lease_until


class NotStarted(DarkroomError):
    """Too little time was left in this invocation to begin; nothing was written."""


class SourceChanged(DarkroomError):
    """The uploads bucket no longer holds the version the message speaks of."""


class SourceReplaced(SourceChanged):
    """Another version is there now; its own message speaks of it."""


class SourceGone(SourceChanged):
    """No object is there now."""


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
    """The settings or the recipe cannot be used.

    Args:
        faults: one sentence for each, beginning with the name of the setting at fault.
    """

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = tuple(faults)


class RenderBug(Exception):
    """A bug of ours, met in a child process.

    Args:
        kind: the name of the exception's class there.
        places: the frames it came through there, as `processing.fingerprint` names them, outermost first.
        trace: the traceback there; it is printed below the one of this process.
    """

    def __init__(self, kind: str, message: str, places: Sequence[str], trace: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.places = tuple(places)
        self.add_note(trace)
