"""What each cause means and what to do: an entry for all that can bring a message to the dead-letter queue."""

from dataclasses import dataclass

from ops.cli.dlq.causes import Cause, Diagnosis
from ops.cli.hints import filled_in
from ops.cli.stage import Stage


@dataclass(frozen=True, slots=True)
class Guidance:
    """One sentence on what happened, and one on what to do; in its commands, ID and KEY stand for a message's."""

    meaning: str
    remedy: str


REPLACE = "Upload a good file under the same key (it has a message of its own), then purge this one."
WAIT = "Redrive with --canary once the service answers again."

# By the name of the error's class (processing/errors.py)
CLASSES = {
    "MalformedMessage": Guidance(
        "The body is not an S3 notification for this stage's uploads.",
        "A redrive cannot help, and it cannot be a canary. Find out who else sends to the uploads queue; "
        "then export it with `darkroom dlq export ID`, and purge it with `darkroom dlq purge ID`.",
    ),
    "UnusableKey": Guidance(
        "Variants cannot have this key (NUL, '..', or too long).",
        "Copy the object to another key, delete this one, and purge the message.",
    ),
    "UnsupportedFormat": Guidance(
        "The file is not an image, or in a format that the recipe does not accept.",
        f"{REPLACE} Or accept the format in recipe.toml, deploy, and redrive.",
    ),
    "CorruptImage": Guidance("The image is truncated or damaged.", REPLACE),
    "ImageTooLarge": Guidance(
        "The image exceeds a limit of the recipe (bytes, pixels, frames) or the function's memory.",
        "Raise the limit in recipe.toml or the memory, deploy, and redrive; or upload a smaller file.",
    ),
    "ArchivedObject": Guidance(
        "The object is in an archive storage class, or an archive tier of Intelligent-Tiering.",
        "Restore it (`aws s3api restore-object`), and redrive when the restore is complete.",
    ),
    "CustomerKeyRequired": Guidance(
        "The object is encrypted with a key that only its uploader has (SSE-C).",
        f"{REPLACE} SSE-S3 and SSE-KMS can be read.",
    ),
    "RenderTimeout": Guidance(
        "Rendering timed out, also when nothing else was running.",
        "Reproduce it with `darkroom replay ID --sandbox`; raise trySeconds, or memory, which adds CPU, deploy, and "
        "redrive; or upload another file.",
    ),
    "RenderCrash": Guidance(
        "Rendering crashed its process, also when nothing else was running.",
        "Reproduce it with `darkroom replay ID --sandbox` and report the file to Pillow; a newer Pillow may fix it.",
    ),
    "RenderOutOfMemory": Guidance(
        "Rendering needed more memory than the header announced, also when nothing else was running.",
        "Reproduce it with `darkroom replay ID --sandbox`; raise the function's memory, or upload another file.",
    ),
    "Conflict": Guidance("Conditional writes were refused repeatedly: others wrote to the same object.", WAIT),
    "LeaseLost": Guidance("Another worker took over the version before this one finished.", WAIT),
    "SandboxFailed": Guidance(
        "The rendering processes failed by themselves; no image is the cause.",
        "Redrive. If it fails again, read the output of those processes: `darkroom logs --since 2h`.",
    ),
    "OutOfTime": Guidance(
        "The function's time ended before the object was finished.",
        "Raise the function's timeout or its memory, deploy, and redrive with --canary.",
    ),
}

# By AWS's own code, where there is more to say than `REFUSED` says
CODES = {
    **dict.fromkeys(
        ("AccessDenied", "AccessDeniedException"),
        Guidance(
            "The consumer's role may not do this, or a bucket, queue or key policy denies it.",
            "Restore the permission (resources/roles.yml has what the consumer needs), and redrive with --canary.",
        ),
    ),
    **dict.fromkeys(
        ("ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "UnrecognizedClientException"),
        Guidance("The consumer's credentials were refused.", "Check that its role still exists, and redrive."),
    ),
    **dict.fromkeys(
        ("KMS.DisabledException", "KMS.KMSInvalidStateException", "KMS.NotFoundException"),
        Guidance("The KMS key that encrypts is disabled, or about to be deleted.", "Enable the KMS key, and redrive."),
    ),
    "BadRequest": Guidance(
        "S3 refused HeadObject (400), but returned the object: most often credentials that have expired.",
        WAIT,
    ),
    **dict.fromkeys(
        ("NoSuchBucket", "ResourceNotFoundException"),
        Guidance("A bucket or the table no longer exists.", "Deploy the stage again, and redrive with --canary."),
    ),
    **dict.fromkeys(
        (
            *("SlowDown", "Throttling", "ThrottlingException", "RequestThrottled", "TooManyRequestsException"),
            *("ProvisionedThroughputExceededException", "RequestLimitExceeded", "LimitExceededException"),
            "KMS.ThrottlingException",
        ),
        Guidance("AWS throttled for over an hour.", "Lower maximumConcurrency, or redrive with a low --rate."),
    ),
    **dict.fromkeys(
        ("RequestTimeout", "TransactionInProgressException", "TransactionConflictException"),
        Guidance("The service did not carry out the request for over an hour.", WAIT),
    ),
    "RequestTimeTooSkewed": Guidance("The function's clock and AWS's disagreed.", WAIT),
}

# What the images table knows where it has no reason for this message (ops/cli/dlq/causes.py)
WORDS = {
    "unknown": Guidance(
        "The images table has no record of this version: it was unavailable, or the record was deleted.",
        "Search the consumer's log (`darkroom logs KEY --since 2h`); redrive with --canary.",
    ),
    "ignored": Guidance(
        "The recipe ignores objects of this name or size; the message died before the consumer could tell.",
        "Purge it, or redrive it: the consumer acknowledges it, and records nothing.",
    ),
    "not-delivered": Guidance(
        "EventBridge could not send the event to the uploads queue, for a day or at all; the message was never tried.",
        "Restore what its code names (the queue or its policy: deploy the stage again), and redrive; SQS's own redrive "
        "needs the uploads queue as its destination.",
    ),
    "done": Guidance(
        "Another message has finished the object.", "Purge the message, or redrive it: it is a duplicate."
    ),
    "superseded": Guidance("A newer version of the object has replaced it.", "Purge the message."),
    "removed": Guidance("The object was removed.", "Purge the message."),
    "killed": Guidance(
        "The function was killed while it worked on it (timeout or memory), so that no reason was recorded.",
        "Search the consumer's log for 'Task timed out' or 'signal: killed' (`darkroom logs --since 2h`); raise memory "
        "or timeout, deploy, redrive.",
    ),
    "in-progress": Guidance("A worker is processing it now.", "Check again when its lease has ended."),
    "not-started": Guidance(
        "Too little time was left to start, at each receive.", "Lower batchSize or raise the timeout, then redrive."
    ),
    "test-event": Guidance("S3's test event for the bucket's notification, which has no upload.", "Purge the message."),
}
REFUSED = Guidance(
    "AWS refused the request for over an hour, or did not answer it: the cause is AWS's code, or botocore's name.",
    "Look the code up in the service's documentation; redrive with --canary once that is fixed.",
)
BUG = Guidance(
    "A bug: an unexpected exception; the place is a fingerprint of where in the code.",
    "Read its traceback below, reproduce it with `darkroom replay ID`, fix it, deploy, redrive with --canary.",
)


def guidance(cause: Cause) -> Guidance:
    """The entry of a cause."""
    for known in (CLASSES, CODES, WORDS):
        if cause.name in known:
            return known[cause.name]
    return REFUSED if cause.place.count(":") else BUG


def runbook_of(diagnosis: Diagnosis, stage: Stage) -> Guidance:
    """The entry of a message's cause, with commands to paste."""
    entry, values = guidance(diagnosis.cause), {"ID": diagnosis.message.id, "KEY": diagnosis.key or "KEY"}
    remedy = filled_in(entry.remedy, values, stage=stage.name, given=stage.named_by)
    return Guidance(entry.meaning, remedy)
