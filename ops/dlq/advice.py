"""What each cause of death means, and what mends it: one entry for whatever can bring a message to the letters."""

from dataclasses import dataclass

from ops.dlq.causes import Cause


@dataclass(frozen=True, slots=True)
class Advice:
    """One sentence on what happened, and one on what to do."""

    meaning: str
    remedy: str


REPLACE = "Upload a good file under the same key (its own message does the rest), then purge this letter."
WAIT = "Redrive with --canary once the service answers again."

# By the name of the error's class (processing/errors.py)
CLASSES = {
    "MalformedMessage": Advice(
        "The body is no S3 notification of this stage's uploads.",
        "A redrive does not mend it, and it cannot be a canary. Find out who sends to the uploads queue besides the "
        "bucket; then `darkroom dlq export` and `darkroom dlq purge` it.",
    ),
    "UnusableKey": Advice(
        "The key cannot be given to variants (NUL, '..', or too long).",
        "Copy the object to another key, delete this one, and purge the letter.",
    ),
    "UnsupportedFormat": Advice(
        "The bytes are no image, or in a format the recipe does not accept.",
        f"{REPLACE} Or accept the format in recipe.toml, deploy, and redrive.",
    ),
    "CorruptImage": Advice("The image breaks off or makes no sense.", REPLACE),
    "ImageTooLarge": Advice(
        "The image exceeds a limit of the recipe (bytes, pixels, frames) or the function's memory.",
        "Raise the limit in recipe.toml or the memory, deploy, and redrive; or upload a smaller file.",
    ),
    "ArchivedObject": Advice(
        "The object is in an archive storage class, or an archive tier of Intelligent-Tiering.",
        "Restore it (`aws s3api restore-object`), and redrive when the restore is complete.",
    ),
    "CustomerKeyRequired": Advice(
        "The object is encrypted with a key that only its uploader has (SSE-C).",
        f"{REPLACE} SSE-S3 and SSE-KMS can be read.",
    ),
    "RenderTimeout": Advice(
        "Rendering came to no end, alone as well.",
        "Try it here with `darkroom replay`; give the function more memory, which is CPU, or upload a simpler file.",
    ),
    "RenderCrash": Advice(
        "Rendering took its process down, alone as well.",
        "Try it here with `darkroom replay` and report the file to Pillow; a newer Pillow may be the cure.",
    ),
    "RenderOutOfMemory": Advice(
        "Rendering took more memory than the header promised, alone as well.",
        "Try it here with `darkroom replay`; raise the function's memory, or upload another file.",
    ),
    "Conflict": Advice("Conditional writes were refused: others wrote to the same object, again and again.", WAIT),
    "LeaseLost": Advice("Another worker took the version over before this one was done.", WAIT),
    "SandboxFailed": Advice(
        "The processes that render failed by themselves; no image is to blame.",
        "Redrive. If it comes back, read the function's log: it has what those processes printed.",
    ),
    "OutOfTime": Advice(
        "The function's time ended before the object was done.",
        "Raise the function's timeout or its memory, deploy, and redrive with --canary.",
    ),
}

# By AWS's own code, where there is more to say than `REFUSED` does
CODES = {
    **dict.fromkeys(
        ("AccessDenied", "AccessDeniedException"),
        Advice(
            "The consumer's role may not do this, or a bucket, queue or key policy denies it.",
            "Give the permission back (resources/roles.yml has what the consumer needs), and redrive with --canary.",
        ),
    ),
    **dict.fromkeys(
        ("ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "UnrecognizedClientException"),
        Advice("The consumer's credentials were refused.", "See whether its role still exists, and redrive."),
    ),
    **dict.fromkeys(
        ("KMS.DisabledException", "KMS.KMSInvalidStateException", "KMS.NotFoundException"),
        Advice("The KMS key that encrypts is disabled, or about to be deleted.", "Enable the KMS key, and redrive."),
    ),
    "BadRequest": Advice(
        "S3 refused to look at the object (400), and gave it all the same: most often credentials that have expired.",
        WAIT,
    ),
    **dict.fromkeys(
        ("NoSuchBucket", "ResourceNotFoundException"),
        Advice("A bucket or the table is gone.", "Deploy the stage again, and redrive with --canary."),
    ),
    **dict.fromkeys(
        (
            *("SlowDown", "Throttling", "ThrottlingException", "RequestThrottled", "TooManyRequestsException"),
            *("ProvisionedThroughputExceededException", "RequestLimitExceeded", "LimitExceededException"),
            "KMS.ThrottlingException",
        ),
        Advice("AWS asked to slow down for over an hour.", "Lower maximumConcurrency, or redrive with a low --rate."),
    ),
    **dict.fromkeys(
        ("RequestTimeout", "TransactionInProgressException", "TransactionConflictException"),
        Advice("The service did not carry the request out for over an hour.", WAIT),
    ),
    "RequestTimeTooSkewed": Advice("The function's clock and AWS's disagreed.", WAIT),
}

# What the ledger says where it has no reason of this letter's death (ops/dlq/causes.py)
WORDS = {
    "unknown": Advice(
        "The ledger has no record of this version: it was out of reach, or the record was deleted.",
        "See the consumer's log for the object; redrive with --canary.",
    ),
    "done": Advice(
        "The object is done by now, by another message.", "Purge the letter, or redrive it: it is absorbed."
    ),
    "superseded": Advice("A newer version of the object has taken its place.", "Purge the letter."),
    "removed": Advice("The object was removed meanwhile.", "Purge the letter."),
    "killed": Advice(
        "The function was killed at its work each time (timeout or memory), so that no reason was written.",
        "See the consumer's log for 'Task timed out' or 'signal: killed'; raise memory or timeout, deploy, redrive.",
    ),
    "in-progress": Advice("A worker is at it now.", "Look again when its lease has ended."),
    "not-started": Advice(
        "Too little time was left to begin, at each receive.", "Lower batchSize or raise the timeout, then redrive."
    ),
    "test-event": Advice("S3's test of the bucket's notification, which holds no upload.", "Purge the letter."),
}
REFUSED = Advice(
    "AWS refused the request for over an hour, or did not answer it: the cause is its own code, or botocore's name.",
    "Look the code up in the service's documentation; redrive with --canary once that is put right.",
)
BUG = Advice(
    "A bug: no error of the tree; the place is the fingerprint of where in the code.",
    "Find its traceback in the consumer's log or with `darkroom replay`, mend it, deploy, redrive with --canary.",
)


def advice(cause: Cause) -> Advice:
    """What there is to say of a cause."""
    for known in (CLASSES, CODES, WORDS):
        if cause.name in known:
            return known[cause.name]
    return REFUSED if cause.place.count(":") else BUG
