"""What is said of a stage that is not deployed where it was looked for, or only in part."""

from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from ops.cli.terminal import quoted
from ops.errors import UsageError
from processing.storage.refusals import is_denied


class NoStackError(UsageError):
    """The stage is not deployed where it was looked for."""


class UnfinishedStackError(NoStackError):
    """The stage's stack is there without what the service has: a deployment or a removal runs, or has failed."""


def unfinished_stack(name: str, stack: str, status: str, region: str) -> UnfinishedStackError:
    """The error for a stage whose stack lacks the service's outputs, with what to do by the stack's status."""
    again = f"npm run deploy -- --stage {quoted(name)} --region {region}"
    if status == "REVIEW_IN_PROGRESS":  # a change set that was never executed
        advice = f"it was never deployed: deploy it with: {again}"
    elif status.endswith("_IN_PROGRESS"):
        advice = "a deployment or a removal is running: run this again when it has ended"
    elif status == "UPDATE_ROLLBACK_FAILED":
        going_on = f"aws cloudformation continue-update-rollback --stack-name {stack} --region {region}"
        advice = f"fix the causes that its events in CloudFormation name, then: {going_on}"
    elif status in ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED"):
        advice = f"read its events in CloudFormation, delete the stack, then deploy it again with: {again}"
    else:
        advice = f"read its events in CloudFormation, then deploy it again with: {again}"
    return UnfinishedStackError(f"the stack {stack} in {region} is incomplete ({status}): {advice}")


def no_stack(name: str, stack_name: Callable[[str], str], cloudformation: Any) -> NoStackError:
    """The error for a stage without a stack, which names those that there are, and how to deploy it."""
    where = cloudformation.meta.region_name
    others = other_stages(stack_name(""), cloudformation)
    return NoStackError(
        f"there is no stack {stack_name(name)} in {where}{others}: name another --stage or --region, "
        f"or deploy it with: npm run deploy -- --stage {quoted(name)} --region {where}"
    )


def other_stages(prefix: str, cloudformation: Any) -> str:
    """Which stages there are, in words; empty where the caller may not list them, as OperatorPolicy does not."""
    try:
        pages = cloudformation.get_paginator("describe_stacks").paginate()
        stacks = [stack for page in pages for stack in page["Stacks"] if stack["StackName"].startswith(prefix)]
    except ClientError as error:
        if not is_denied(error):
            raise
        return ""
    ours = [stack for stack in stacks if any(each["OutputKey"] == "UploadsDlqUrl" for each in stack.get("Outputs", ()))]
    names = sorted(stack["StackName"].removeprefix(prefix) for stack in ours)
    return f", which has the stages {', '.join(names)}" if names else ", which has no stage"
