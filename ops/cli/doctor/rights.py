"""What the caller may do, by IAM's own simulation: no request that changes anything is sent.

IAM simulates the policies of a user or a role, its boundary and the organization's; not the resources' own policies.
https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from botocore.exceptions import ClientError

from ops.build.permissions import NEEDS
from ops.cli.dlq.history import PARTITION
from ops.cli.doctor.checkup import ROLE_SESSION, USER, Checkup
from ops.cli.doctor.results import CheckResult, fail, is_refused, ok, skipped, warn
from ops.cli.mapping import mapping_of
from ops.cli.stage import Stage

DEPLOYMENT: Final[Mapping[str, Sequence[str]]] = {
    "arn:{p}:cloudformation:{r}:{a}:stack/{stack}/*": (
        *("cloudformation:CreateStack", "cloudformation:UpdateStack", "cloudformation:DescribeStacks"),
        *("cloudformation:DescribeStackEvents", "cloudformation:DescribeStackResource"),
    ),
    "arn:{p}:s3:::{uploads}": (
        *("s3:CreateBucket", "s3:PutBucketNotification", "s3:PutBucketCORS", "s3:PutEncryptionConfiguration"),
        *("s3:PutBucketPublicAccessBlock", "s3:PutBucketOwnershipControls", "s3:PutLifecycleConfiguration"),
        "s3:PutBucketPolicy",
    ),
    "arn:{p}:s3:::{variants}": ("s3:CreateBucket", "s3:PutBucketPolicy"),
    "arn:{p}:sqs:{r}:{a}:{stack}-uploads": ("sqs:CreateQueue", "sqs:GetQueueAttributes", "sqs:SetQueueAttributes"),
    "arn:{p}:events:{r}:{a}:rule/{stack}-uploads": ("events:PutRule", "events:PutTargets"),
    "arn:{p}:dynamodb:{r}:{a}:table/{stack}-images": (
        *("dynamodb:CreateTable", "dynamodb:DescribeTable", "dynamodb:UpdateTimeToLive"),
        "dynamodb:UpdateContinuousBackups",
    ),
    "arn:{p}:lambda:{r}:{a}:function:{stack}-consumer": (
        *("lambda:CreateFunction", "lambda:GetFunction", "lambda:UpdateFunctionCode", "lambda:AddPermission"),
        "lambda:UpdateFunctionConfiguration",
    ),
    "arn:{p}:iam::{a}:role/{stack}-ConsumerRole": (
        "iam:CreateRole",
        "iam:PutRolePolicy",
        "iam:GetRole",
        "iam:PassRole",
    ),
    "arn:{p}:iam::{a}:policy/{stack}-operator-{r}": ("iam:CreatePolicy",),
    "arn:{p}:logs:{r}:{a}:log-group:/aws/lambda/{stack}-consumer": ("logs:CreateLogGroup", "logs:PutRetentionPolicy"),
    "arn:{p}:sns:{r}:{a}:{stack}-alarms": ("sns:CreateTopic",),
    "arn:{p}:cloudwatch:{r}:{a}:alarm:{stack}-bugs": ("cloudwatch:PutMetricAlarm",),
    "arn:{p}:apigateway:{r}::/restapis": ("apigateway:POST",),
    "*": ("cloudformation:ValidateTemplate", "lambda:CreateEventSourceMapping"),
}
"""A resource of each kind that a deployment creates, and what creates it."""

NOT_MADE: Final[Mapping[tuple[str, str], Sequence[str]]] = {
    ("existing", "uploads"): ("{uploads}",),
    ("existing", "both"): ("{uploads}", "{variants}"),
    ("ingest", "s3"): (":rule/",),
}
"""What a deployment with a value of a parameter does not create, by a part of the resource."""

LEADING_KEYS: Final = {
    "ContextKeyName": "dynamodb:LeadingKeys",
    "ContextKeyValues": [PARTITION],
    "ContextKeyType": "stringList",
}
"""What the operator's policy makes a condition of: a command puts items of the history alone."""

PASSED_TO_LAMBDA: Final = {
    "ContextKeyName": "iam:PassedToService",
    "ContextKeyValues": ["lambda.amazonaws.com"],
    "ContextKeyType": "string",
}
FUNCTION: Final = "lambda:FunctionArn"
"""What docs/deployer-policy.json makes conditions of: a simulation without them denies what AWS allows."""

DEPLOYMENT_ADVICE: Final = "Deploy with an identity that may do this, or have it granted."
BUCKET_ACTIONS: Final = ("s3:ListBucket", "s3:GetBucketNotification")


Judge = Callable[[list[str]], CheckResult]
"""What it means that these actions are denied."""


def check_deployment_rights(checkup: Checkup) -> CheckResult:
    """Whether the caller may create what a deployment creates."""
    names = {
        "p": checkup.identity.partition,
        "r": checkup.region,
        "a": checkup.identity.account,
        "stack": checkup.stack_name,
        "uploads": checkup.parameters["uploadsBucket"],
        "variants": checkup.parameters["variantsBucket"],
    }
    left_out = [
        part for (name, value), parts in NOT_MADE.items() if checkup.parameters[name] == value for part in parts
    ]
    wanted = {
        resource.format(**names): actions
        for resource, actions in DEPLOYMENT.items()
        if not any(part in resource for part in left_out)
    }

    def judge(denied: list[str]) -> CheckResult:
        return fail(f"a deployment is denied: {', '.join(denied)}", DEPLOYMENT_ADVICE)

    return _judged(checkup, wanted, judge)


def check_operator_rights(checkup: Checkup) -> CheckResult:
    """Which of the commands the caller may run."""
    wanted = _needed(checkup)

    def judge(denied: list[str]) -> CheckResult:
        commands = [name for name, needs in NEEDS.items() if not {need.split()[0] for need in needs}.isdisjoint(denied)]
        sentence = f"denied: {', '.join(denied)}; needed by {', '.join(dict.fromkeys(commands))}"
        return warn(sentence, "Attach the stack's policy (output OperatorPolicyArn) to your role.")

    return _judged(checkup, wanted, judge)


def _judged(checkup: Checkup, wanted: Mapping[str, Sequence[str]], judge: Judge) -> CheckResult:
    principal = _principal(checkup)
    if principal is None:
        return skipped(f"IAM simulates users and roles: the caller is {checkup.identity.kind}")
    denied = list(dict.fromkeys(_denied(checkup, principal, wanted)))
    count = sum(map(len, wanted.values()))
    return judge(denied) if denied else ok(f"all {count} that were simulated")


def _denied(checkup: Checkup, principal: str, wanted: Mapping[str, Sequence[str]]) -> Iterator[str]:
    pages = checkup.client("iam").get_paginator("simulate_principal_policy")
    context = [LEADING_KEYS, PASSED_TO_LAMBDA, _function(checkup)]
    for resource, actions in wanted.items():
        request = {"PolicySourceArn": principal, "ActionNames": [*actions], "ResourceArns": [resource]}
        for page in pages.paginate(**request, ContextEntries=context):
            for result in page["EvaluationResults"]:
                if result["EvalDecision"] != "allowed":
                    yield result["EvalActionName"]


def _function(checkup: Checkup) -> dict[str, Any]:
    """The function whose event source mapping a deployment creates."""
    identity = checkup.identity
    here = f"{checkup.region}:{identity.account}"
    arn = f"arn:{identity.partition}:lambda:{here}:function:{checkup.stack_name}-consumer"
    return {"ContextKeyName": FUNCTION, "ContextKeyValues": [arn], "ContextKeyType": "string"}


def _principal(checkup: Checkup) -> str | None:
    """The ARN that IAM simulates; a role's path is not in the ARN of its session, so IAM is asked for it."""
    arn = checkup.identity.arn
    if USER.fullmatch(arn):
        return arn
    if not (session := ROLE_SESSION.fullmatch(arn)):
        return None
    partition, account, role = session.groups()
    try:
        return str(checkup.client("iam").get_role(RoleName=role)["Role"]["Arn"])
    except ClientError as error:
        if not is_refused(error):
            raise
        return f"arn:{partition}:iam::{account}:role/{role}"


def _needed(checkup: Checkup) -> dict[str, list[str]]:
    """What all commands need, by the ARN of what they do it to; nothing of what the stage has not switched on."""
    arns, wanted = _arns(checkup), dict[str, list[str]]()
    for need in sorted({need for needs in NEEDS.values() for need in needs}):
        action, resource = need.split()
        if resource not in arns:
            continue
        wanted.setdefault(_of(action, arns[resource]), []).append(action)
    return wanted


def _of(action: str, arns: Sequence[str]) -> str:
    """The bucket itself, or what is in it."""
    return arns[0] if action in BUCKET_ACTIONS else arns[-1]


def _arns(checkup: Checkup) -> dict[str, Sequence[str]]:
    stage, identity = checkup.deployed, checkup.identity
    here = f"{stage.region}:{identity.account}"
    aws = f"arn:{identity.partition}"
    uploads, variants = (f"{aws}:s3:::{bucket}" for bucket in (stage.uploads_bucket, stage.variants_bucket))
    return {
        "stack": [checkup.stack["StackId"]],
        "uploads": [uploads, f"{uploads}/{stage.uploads_prefix}x.jpg"],
        "reserved": [f"{uploads}/{checkup.reserved}x.jpg"],
        "variants": [variants, f"{variants}/x.jpg"],
        "table": [f"{aws}:dynamodb:{here}:table/{stage.images_table}"],
        "queue": [f"{aws}:sqs:{here}:{_last(stage.queue_url)}"],
        "dlq": [f"{aws}:sqs:{here}:{_last(stage.dlq_url)}"],
        "consumer": [f"{aws}:lambda:{here}:function:{stage.consumer}"],
        "logs": [f"{aws}:logs:{here}:log-group:/aws/lambda/{stage.consumer}:*"],
        "topic": [checkup.outputs.get("AlarmTopic", f"{aws}:sns:{here}:{checkup.stack_name}-alarms")],
        "mapping": [f"{aws}:lambda:{here}:event-source-mapping:{_mapping(stage)}"],
        "any": ["*"],
        **(_of_events(stage, aws, here) if stage.event_bus else {}),
    }


def _of_events(stage: Stage, aws: str, here: str) -> dict[str, Sequence[str]]:
    return {
        "bus": [f"{aws}:events:{here}:event-bus/{stage.event_bus}"],
        "events-dlq": [f"{aws}:sqs:{here}:{_last(stage.events_dlq_url)}"],
    }


def _mapping(stage: Stage) -> str:
    return mapping_of(stage).uuid


def _last(url: str) -> str:
    return url.rsplit("/", 1)[-1]
