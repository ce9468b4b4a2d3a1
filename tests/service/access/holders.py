"""What each holder of rights in a packaged template needs: the functions, the state machine, the operators."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from ops.build import permissions
from tests.service.access.needs import BY_AWS, NEEDS, OF_EVERY_FUNCTION, needs_of
from tests.service.access.places import ANYWHERE, Samples, places, switches
from tests.service.access.recorder import OF_BUCKETS
from tests.service.packaged_service import Package
from tests.service.test_hardened import RIGHTS

DOCTORS = "upload of the doctor"
RECORDS = ("record", "record beside the prefix", "record of another bucket", "record and receipt")
ITEMS = (*RECORDS, "owner", "intent", "receipt", "history", "another partition", "table")
READ_BY_OPERATORS = {f"dynamodb:{name}": ITEMS for name in ("BatchGetItem", "Query")}
"""Who may scan the table may read all of it: a condition on the other ways would protect nothing."""

OPERATORS_ITEMS: Mapping[str, Sequence[str]] = {
    **READ_BY_OPERATORS,
    "dynamodb:Scan": ("table",),
    "dynamodb:PutItem": ("history",),
}
ERASERS_ITEMS: Mapping[str, Sequence[str]] = {
    "dynamodb:GetItem": ("owner", "intent"),
    "dynamodb:Query": ("record", "intent"),
    "dynamodb:Scan": ("table",),
    "dynamodb:PutItem": ("intent", "receipt"),
    "dynamodb:UpdateItem": ("intent",),
    "dynamodb:DeleteItem": ("record", "owner", "intent"),
}
NAMES = {
    "reserved": DOCTORS,
    "queue": "UploadsQueue",
    "dlq": "UploadsDlq",
    "bus": "ImagesBus",
    "events-dlq": "EventsDlq",
    "consumer": "ConsumerLambdaFunction",
    "mapping": "ConsumerEventSourceMappingSQSUploadsQueue",
    "topic": "AlarmTopic",
    "any": ANYWHERE,
    "stack": "stack",
}
"""The resources of ops/build/permissions.py that are one place each."""

ADVISED = {f"sqs:{action} WorkflowDlq": "workflow-dlq" for action in ("GetQueueUrl", "ReceiveMessage", "DeleteMessage")}
"""What an operator may do for an alarm that advises a command of AWS."""


def needs_in(package: Package, holder: str) -> set[str]:
    """What the holder of a role or a policy of this template needs."""
    on = switches(package)
    needs = set(NEEDS_OF[holder](package))
    if holder in NEEDS:
        needs |= {need for switch in on for need in OF_EVERY_FUNCTION.get(switch, ())}
    return with_the_doctors(needs) | (key_needs(holder) if "kmsKey" in on else set())


def with_the_doctors(needs: set[str]) -> set[str]:
    """Whoever may do something with uploads may do so with those of `darkroom doctor`."""
    return needs | {need.replace(" upload", f" {DOCTORS}") for need in needs if need.endswith(" upload")}


def key_needs(holder: str) -> set[str]:
    """What the holder of a role or a policy needs of the stage's key."""
    return {f"{action} key through {each}" for action, services in RIGHTS.get(holder, {}).items() for each in services}


def _of_a_function(role: str) -> Callable[[Package], set[str]]:
    return lambda package: {*needs_of(role, switches(package)), *BY_AWS[role]}


def _operators(package: Package) -> Iterator[str]:
    yield from _commands(package, permissions.all_needs(), OPERATORS_ITEMS)
    if "workflow" in switches(package):
        yield from ADVISED


def _erasing_operators(package: Package) -> Iterator[str]:
    yield from _commands(package, permissions.all_needs(permissions.ERASING), ERASERS_ITEMS)


def _commands(package: Package, needs: set[str], items: Mapping[str, Sequence[str]]) -> Iterator[str]:
    where = places(package)
    for need in needs:
        action, resource = need.split()
        for name in _places(action, resource, where, items):
            if name in where:  # without `events` there is no bus
                yield f"{action} {name}"


def _places(
    action: str, resource: str, where: Mapping[str, Samples], items: Mapping[str, Sequence[str]]
) -> Sequence[str]:
    match resource:
        case "uploads" | "variants":
            is_of_bucket = action.split(":")[1] in (*OF_BUCKETS, "GetBucketNotification")
            return [f"{resource.capitalize()}Bucket" if is_of_bucket else resource.removesuffix("s")]
        case "table":
            return items[action]
        case "logs":
            functions = [name.removesuffix("LambdaFunction") for name in where if name.endswith("LambdaFunction")]
            return [f"{function}LogGroup" for function in functions]
    return [NAMES[resource]]


SDK = {
    "aws-sdk:dynamodb:getItem": ("dynamodb:GetItem record",),
    "aws-sdk:dynamodb:updateItem": ("dynamodb:UpdateItem record",),
    "aws-sdk:rekognition:detectLabels": (f"rekognition:DetectLabels {ANYWHERE}", "s3:GetObject variant"),
    "sns:publish": ("sns:Publish LabelsTopic",),
    "sqs:sendMessage": ("sqs:SendMessage WorkflowDlq",),
}
"""What a task of the state machine needs, by the end of its resource."""


def _workflow(package: Package) -> Iterator[str]:
    states = package.properties("Workflow")["Definition"]["States"].values()
    for task in (state["Resource"]["Fn::Sub"] for state in states if state["Type"] == "Task"):
        yield from SDK[task.split(":states:::")[1]]


NEEDS_OF: Mapping[str, Callable[[Package], Iterator[str] | set[str]]] = {
    **{role: _of_a_function(role) for role in BY_AWS},
    "WorkflowRole": _workflow,
    "WorkflowRuleRole": lambda _: {"states:StartExecution Workflow"},
    "OperatorPolicy": _operators,
    "EraserPolicy": _erasing_operators,
}
