"""What a deployment finds: the tools on this machine, and whether the names of what it creates are free."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import Any, Final

from botocore.exceptions import ClientError

from ops.build.check import RECIPE, faults
from ops.cli.checkout import ROOT
from ops.cli.doctor.checkup import Checkup
from ops.cli.doctor.results import CheckResult, fail, ok, skipped
from ops.cli.stage import service_description
from processing.storage.refusals import code_of, status_of

OLDEST_NODE: Final = (20, 19)
YOURS: Final = "yours"
NO_QUEUE: Final = ("AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist")


def check_parameters(checkup: Checkup) -> CheckResult:
    """What packaging would refuse."""
    recipe_text = RECIPE.read_text(encoding="utf-8")
    found = faults(checkup.parameters, stage=checkup.name, region=checkup.region, recipe_text=recipe_text)
    if found:
        return fail("; ".join(found), "Change them in serverless.yml, or with --param.")
    return ok("serverless.yml and recipe.toml are valid")


def check_tools(_checkup: Checkup) -> CheckResult:
    """Node, the Serverless Framework, and the runtime that boto3 knows."""
    problems, node = list[str](), _node_version()
    if node is None:
        problems.append("node is not on the PATH")
    elif node < OLDEST_NODE:
        problems.append(f"node is {_dotted(node)}")
    if not (ROOT / "node_modules" / ".bin" / "serverless").exists():
        problems.append("the Serverless Framework is not installed")
    if problems:
        advice = f"Install Node {_dotted(OLDEST_NODE)} or later, then run: npm ci"
        return fail("; ".join(problems), advice)
    python = _dotted(tuple(sys.version_info[:2]))
    return ok(f"Node {_dotted(node or ())}, the Serverless Framework, Python {python}")


def check_runtime_name(checkup: Checkup) -> CheckResult:
    """Whether Lambda, as this boto3 knows it, has the runtime of serverless.yml."""
    wanted = service_description()["provider"]["runtime"]
    known = checkup.client("lambda").meta.service_model.shape_for("Runtime").enum
    if wanted in known:
        return ok(f"{wanted}, on {checkup.parameters['architecture']}")
    return fail(f"{wanted} is no runtime that boto3 knows", "Update boto3, or the runtime in serverless.yml.")


def check_names(checkup: Checkup) -> CheckResult:
    """Whether what a deployment creates has free names, and the buckets that should already exist do."""
    if checkup.stage is not None:
        return skipped("the stack exists, and has its names")
    standing, made = _buckets(checkup)
    whose = {name: _owner_of_bucket(checkup, name) for name in standing}
    if missing := [name for name, owner in whose.items() if not owner]:
        return fail(f"with the parameter existing, missing: bucket {', '.join(missing)}", "Create them first.")
    if wrong := [f"bucket {name} is {owner}" for name, owner in whose.items() if owner != YOURS]:
        return fail("; ".join(wrong), "The buckets of a stage are in its own account and region.")
    taken = list(_taken(checkup, made))
    if taken:
        return fail(
            "taken: " + "; ".join(taken),
            "`serverless remove` keeps buckets and the table: docs/deploying.md says how to take them up again.",
        )
    buckets = {0: "", 1: "the variants bucket, the table, ", 2: "both buckets, the table, "}[len(made)]
    return ok(f"free: {buckets}both queues")


def _taken(checkup: Checkup, made: Sequence[str]) -> Iterator[str]:
    for name in made:
        if whose := _owner_of_bucket(checkup, name):
            yield f"bucket {name} ({whose})"
    table = f"{checkup.stack_name}-images"
    request = {"TableName": table}
    if made and _exists(lambda: checkup.client("dynamodb").describe_table(**request), "ResourceNotFoundException"):
        yield f"table {table}"  # with no bucket to be made, it is imported
    for queue in (f"{checkup.stack_name}-uploads", f"{checkup.stack_name}-uploads-dlq"):
        if _exists(lambda name=queue: checkup.client("sqs").get_queue_url(QueueName=name), *NO_QUEUE):
            yield f"queue {queue}"


def _buckets(checkup: Checkup) -> tuple[Sequence[str], Sequence[str]]:
    """The buckets that should already exist, and those that a deployment makes."""
    both = checkup.parameters["uploadsBucket"], checkup.parameters["variantsBucket"]
    standing = {"uploads": 1, "both": 2}.get(checkup.parameters["existing"], 0)
    return both[:standing], both[standing:]


def _owner_of_bucket(checkup: Checkup, name: str) -> str:
    """Whose bucket of this name there is; empty where there is none."""
    try:
        region = checkup.client("s3").head_bucket(Bucket=name).get("BucketRegion", checkup.region)
    except ClientError as error:
        if status_of(error) == 404:
            return ""
        if status_of(error) in (301, 403):
            return "yours in another region, or somebody else's" if status_of(error) == 301 else "not yours to see"
        raise
    return YOURS if region == checkup.region else f"yours in {region}"


def _exists(request: Any, *codes: str) -> bool:
    """Whether a request is answered with anything but one of these codes."""
    try:
        request()
    except ClientError as error:
        if code_of(error) in codes:
            return False
        raise
    return True


def _node_version() -> tuple[int, ...] | None:
    if shutil.which("node") is None:
        return None
    said = subprocess.run(["node", "--version"], capture_output=True, text=True, check=False, timeout=30).stdout
    numbers = re.findall(r"\d+", said)
    return tuple(int(number) for number in numbers[:2]) or None


def _dotted(numbers: tuple[int, ...]) -> str:
    return ".".join(map(str, numbers))
