"""What a check returns, how checks are run, and what is removed from their words before anybody pastes them."""

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

import requests
from botocore.exceptions import BotoCoreError, ClientError

from ops.errors import StackError, UsageError
from processing.errors import Unavailable
from processing.storage.refusals import code_of, is_denied

if TYPE_CHECKING:
    from ops.cli.doctor.checkup import Checkup

DENIED: Final = ("UnauthorizedOperation", "AuthorizationError", "AuthorizationErrorException", "403")
"""What services answer besides the two codes that S3, DynamoDB and Lambda have."""

PRIVATE: Final[Mapping[str, str]] = {
    r"arn:aws[\w-]*:(?:iam|sts)::\S*[^\s.,;:)]": "<identity>",
    r"(?<!\d)(?<!code v)\d{12}(?!\d)": "<account>",
    r"\b(?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{12,}": "<key>",
    r"(?i)\b(X-Amz-[\w-]+|Signature|AWSAccessKeyId)=[^&\s'\")]+": r"\1=<removed>",
    r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+": "<address>",
}
"""What must not be in a report that is pasted into an issue, and what stands in its place."""


class CheckStatus(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What a check found.

    Args:
        sentence: what is so.
        advice: what to do about it.
        facts: figures for programs.
    """

    status: CheckStatus
    sentence: str
    advice: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Check:
    """One thing to check.

    Args:
        optional: whether an answer that AWS, or the emulator in its place, does not give says nothing of the stage.
    """

    name: str
    run: "Callable[[Checkup], CheckResult]"
    optional: bool = False

    def result(self, checkup: "Checkup") -> CheckResult:
        """Run it. It never raises for anything but an interruption: what it raised is its result."""
        began = time.monotonic()
        try:
            found = self.run(checkup)
        except (UsageError, StackError) as error:
            found = fail(str(error))
        except (ClientError, BotoCoreError, Unavailable) as error:
            found = self._refused(error)
        except requests.RequestException as error:
            found = fail(f"{type(error).__name__}: {error}", "Check the address, the network, and proxies.")
        except Exception as error:  # noqa: BLE001 - a bug in one check must not hide what the others find
            found = fail(f"{type(error).__name__}: {error}", "This is a bug of the doctor: report it.")
        return cleaned(replace(found, name=self.name, seconds=round(time.monotonic() - began, 2)))

    def _refused(self, error: ClientError | BotoCoreError | Unavailable) -> CheckResult:
        cause = error.__cause__ if isinstance(error, Unavailable) and error.__cause__ else error
        assert isinstance(cause, Exception)
        if is_refused(cause):
            return skipped(f"no right to {action_of(cause)}")
        if self.optional:
            return skipped(f"not answered: {operation_of(cause)}: {code_of(cause)}")
        return fail(f"{code_of(cause)}: {cause}")


def ok(sentence: str, **facts: Any) -> CheckResult:
    """As it should be."""
    return CheckResult(CheckStatus.OK, sentence, facts=facts)


def warn(sentence: str, advice: str = "", **facts: Any) -> CheckResult:
    """It works, and may surprise."""
    return CheckResult(CheckStatus.WARN, sentence, advice, facts)


def fail(sentence: str, advice: str = "", **facts: Any) -> CheckResult:
    """It does not work."""
    return CheckResult(CheckStatus.FAIL, sentence, advice, facts)


def skipped(sentence: str, advice: str = "") -> CheckResult:
    """It was not checked, for this reason."""
    return CheckResult(CheckStatus.SKIPPED, sentence, advice)


def is_refused(error: Exception) -> bool:
    """Whether a permission is missing."""
    return is_denied(error) or code_of(error) in DENIED


def action_of(error: Exception) -> str:
    """The IAM action that was refused, as AWS words it, or else the operation."""
    named = re.search(r"perform: ([\w-]+:\w+)", str(error))
    return named[1] if named else operation_of(error)


def operation_of(error: Exception) -> str:
    """What was requested."""
    return error.operation_name if isinstance(error, ClientError) else "the request"


def cleaned(result: CheckResult) -> CheckResult:
    """The same without account ids, keys, signatures, identities and addresses."""
    return replace(
        result, sentence=_public(result.sentence), advice=_public(result.advice), facts=_public(dict(result.facts))
    )


def _public(value: Any) -> Any:
    if isinstance(value, str):
        for pattern, instead in PRIVATE.items():
            value = re.sub(pattern, instead, value)
        return " ".join(value.split())
    if isinstance(value, dict):
        return {name: _public(each) for name, each in value.items()}
    return [_public(each) for each in value] if isinstance(value, list | tuple) else value
