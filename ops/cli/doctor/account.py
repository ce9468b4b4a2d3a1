"""What belongs to the caller and the account: credentials, clock, stack, and Lambda's quotas."""

from typing import Any, Final

from botocore.exceptions import ClientError

from ops.cli.credentials import EXPIRED, credentials_fault
from ops.cli.doctor.checkup import Checkup
from ops.cli.doctor.results import CheckResult, fail, ok, skipped, warn
from ops.cli.mapping import mapping_of
from processing.storage.refusals import code_of

SKEW_NOTICED: Final = 60.0  # seconds
SKEW_REFUSED: Final = 300.0  # AWS refuses a signature that is 5 to 15 minutes off, by service
NEW_ACCOUNT_MEMORY: Final = 3008  # megabytes that Lambda gives a function of a new account
GROWN_ACCOUNT: Final = 1000  # concurrent executions of an account whose first limits were raised
STABLE: Final = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE")


def check_credentials(checkup: Checkup) -> CheckResult:
    """Whether AWS knows the caller."""
    identity = checkup.identity
    if isinstance(identity.error, ClientError):
        code = code_of(identity.error)
        advice = "Log in again." if code in EXPIRED else "Check the keys, and that the account has this region enabled."
        return fail(f"refused by STS: {code}", advice)
    if fault := credentials_fault(identity.error):
        return fail(fault.what, f"{fault.advice[0].upper()}{fault.advice[1:]}.")
    if identity.error is not None:
        return fail(f"STS cannot be reached: {code_of(identity.error)}", "Check the region's name and the network.")
    if identity.arn.endswith(":root"):
        return warn("valid: the caller is the account's root user", "Use a role or a user: nothing limits root.")
    return ok("the emulator accepts any" if checkup.is_local else f"valid: the caller is {identity.kind}")


def check_clock(checkup: Checkup) -> CheckResult:
    """How far the local clock is from AWS's: signatures carry a time."""
    skew = checkup.identity.skew
    if skew is None:
        return skipped("no answer of AWS had a date")
    sentence = f"{abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} AWS's"
    advice = "Set the clock, for example by NTP: AWS refuses signatures that are 5 to 15 minutes off."
    if abs(skew) > SKEW_REFUSED:
        return fail(sentence, advice, skew_seconds=round(skew))
    if abs(skew) > SKEW_NOTICED:
        return warn(sentence, advice, skew_seconds=round(skew))
    return ok("within a minute of AWS's", skew_seconds=round(skew))


def check_stack(checkup: Checkup) -> CheckResult:
    """Whether the stage is deployed, and how its last deployment ended."""
    if checkup.stage is None:
        if checkup.identity.error is not None:
            return skipped("not known without credentials that AWS accepts")
        if checkup.expected:
            return fail(checkup.no_stage)
        return ok(f"{checkup.stack_name} is not deployed in {checkup.region}: this is what a deployment there needs")
    status = checkup.stack["StackStatus"]
    where = f"{checkup.stack_name} in {checkup.region}: {status}"
    if status in STABLE:
        return ok(where, stack_status=status)
    if status.endswith("_IN_PROGRESS") and "ROLLBACK" not in status:
        return warn(where, "A deployment is running: run this again when it has ended.", stack_status=status)
    if status == "UPDATE_ROLLBACK_COMPLETE":
        return warn(
            where, "The last deployment failed and was taken back: read the stack's events.", stack_status=status
        )
    return fail(where, "Read the stack's events in CloudFormation.", stack_status=status)


def check_concurrency(checkup: Checkup) -> CheckResult:
    """Whether the account runs as many invocations at once as the stage may start."""
    limit = account_limit(checkup)
    free, total = limit["UnreservedConcurrentExecutions"], limit["ConcurrentExecutions"]
    wanted = _wanted(checkup)
    facts = {"unreserved": free, "limit": total, "maximum_concurrency": wanted}
    account = f"the account runs {free:,} at once" + (f" (of {total:,}; the rest is reserved)" if free < total else "")
    advice = (
        "Throttled invocations use up receives, and none is left for the API: deploy with a smaller "
        "maximumConcurrency, or request a higher quota (Service Quotas, Lambda, concurrent executions)."
    )
    if wanted is None:
        return warn(f"the mapping has no maximumConcurrency, and {account}", advice, **facts)
    sentence = f"maximumConcurrency is {wanted:,}, and {account}"
    return warn(sentence, advice, **facts) if wanted >= free else ok(sentence, **facts)


def check_memory(checkup: Checkup) -> CheckResult:
    """Whether Lambda gives this account functions of that size."""
    memory = int(checkup.parameters["memory"])
    sentence = f"{memory:,} MB"
    if memory <= NEW_ACCOUNT_MEMORY or account_limit(checkup)["ConcurrentExecutions"] >= GROWN_ACCOUNT:
        return ok(sentence, memory=memory)
    return warn(
        f"{sentence}, and this account is new",
        f"A new account may get {NEW_ACCOUNT_MEMORY:,} MB at most: deploy with --param memory={NEW_ACCOUNT_MEMORY}.",
        memory=memory,
    )


def account_limit(checkup: Checkup) -> dict[str, Any]:
    """Lambda's limits of the account in the region."""
    answer: dict[str, Any] = checkup.client("lambda").get_account_settings()["AccountLimit"]
    return answer


def _wanted(checkup: Checkup) -> int | None:
    if checkup.stage is None:
        return int(checkup.parameters["maximumConcurrency"])
    return mapping_of(checkup.stage).maximum_concurrency
