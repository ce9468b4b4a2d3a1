"""Credentials and a configuration that cannot be used: no network and no policy is the cause, and a login helps."""

from dataclasses import dataclass
from typing import Final

from botocore import exceptions as of_botocore
from botocore.exceptions import ClientError

from processing.storage.refusals import code_of

NAME_ONE: Final = "log in, name a --profile, or set AWS_ACCESS_KEY_ID and its companions"
LOG_IN: Final = "log in again (aws sso login, aws configure) or name another --profile"

UNUSABLE: Final = (
    of_botocore.CredentialRetrievalError,
    of_botocore.LoginError,
    of_botocore.MetadataRetrievalError,
    of_botocore.NoAuthTokenError,
    of_botocore.PartialCredentialsError,
    of_botocore.SSOError,
    of_botocore.TokenRetrievalError,
)
MISCONFIGURED: Final = (
    of_botocore.ConfigNotFound,
    of_botocore.ConfigParseError,
    of_botocore.InfiniteLoopConfigError,
    of_botocore.InvalidConfigError,
    of_botocore.InvalidRegionError,
    of_botocore.MissingDependencyException,
    of_botocore.UnknownCredentialError,
)
EXPIRED: Final = ("ExpiredToken", "ExpiredTokenException", "RequestExpired")
REFUSED: Final = (
    *EXPIRED,
    *("InvalidAccessKeyId", "InvalidClientTokenId", "InvalidToken", "SignatureDoesNotMatch"),
    "UnrecognizedClientException",
)


@dataclass(frozen=True)
class CredentialsFault:
    """What is wrong, what to do about it, and the exit code of a command that it ends."""

    what: str
    advice: str
    exit_code: int = 2


def credentials_fault(error: BaseException | None) -> CredentialsFault | None:
    """What is wrong with the caller's credentials or configuration; None if these are not the cause.

    Credentials that AWS refuses may have expired with half of the work done: that is no usage error.
    """
    if isinstance(error, of_botocore.NoCredentialsError):
        return CredentialsFault("no AWS credentials", NAME_ONE)
    if isinstance(error, UNUSABLE):
        return CredentialsFault(f"the AWS credentials cannot be used: {error}", LOG_IN)
    if isinstance(error, MISCONFIGURED):
        return CredentialsFault(
            f"the AWS configuration cannot be used: {error}", "correct it, or name another --profile"
        )
    if isinstance(error, ClientError) and code_of(error) in REFUSED:
        return CredentialsFault(f"AWS refuses the credentials: {error}", LOG_IN, exit_code=1)
    return None
