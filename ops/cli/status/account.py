"""The account's concurrency: how many invocations Lambda runs at once, of all functions in the region together."""

from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError


@dataclass(frozen=True, slots=True)
class Concurrency:
    """The account's limit and what no function has reserved of it; None, with the reason, where that is unknown."""

    limit: int | None = None
    unreserved: int | None = None
    unknown: str = ""


def concurrency_of(client: Any) -> Concurrency:
    """By Lambda's boto3 client. A refusal leaves the rest of a status as it is; an emulator knows no limit."""
    try:
        limits = client.get_account_settings()["AccountLimit"]
    except ClientError as error:
        return Concurrency(
            unknown=f"lambda:GetAccountSettings answers {error.response['Error'].get('Code', 'no reason')}"
        )
    return Concurrency(limits["ConcurrentExecutions"], limits["UnreservedConcurrentExecutions"])
