"""The policy of whoever deploys a stage: what CloudFormation does in the caller's name, and what the framework asks.

``python -m ops.build.deployer --write`` writes it to docs/deployer-policy.json, and what some switches need more to
docs/deployer-switches-policy.json: one policy would be too long. For each type of resource in the
template, AWS publishes the actions of creating, reading, updating and deleting one; cfn-lint brings these schemas
along. Left out are the writes of what no resource here uses. Tests hold it against the packaged templates.
"""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, Final

from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

from ops.build.generated import print_or_write
from ops.cli.checkout import ROOT

FILE: Final = ROOT / "docs" / "deployer-policy.json"
SWITCHES_FILE: Final = ROOT / "docs" / "deployer-switches-policy.json"
REGENERATE: Final = "python -m ops.build.deployer --write"
SIZE_LIMIT: Final = 6144
"""Characters of a managed policy, without white space."""

HERE: Final = "REGION:ACCOUNT"
STACK: Final = "darkroom-STAGE"
LAMBDA: Final = "lambda.amazonaws.com"
WORKFLOW: Final = ("events.amazonaws.com", "states.amazonaws.com")
SERVICE_ROLES: Final = "arn:aws:iam::ACCOUNT:role/aws-service-role"
FUNCTIONS: Final = (f"arn:aws:lambda:{HERE}:function:{STACK}-*",)
ROLES: Final = (f"arn:aws:iam::ACCOUNT:role/{STACK}-*Role*",)  # of functions: CloudFormation names them so
OPERATOR_POLICIES: Final = f"arn:aws:iam::ACCOUNT:policy/{STACK}-operator-*"
BUCKETS: Final = (f"arn:aws:s3:::{STACK}-*",)
LOGS: Final = tuple(
    f"arn:aws:logs:{HERE}:log-group:/aws/{name}*" for name in (f"lambda/{STACK}-", f"api-gateway/{STACK}")
)
DEPLOYMENT_BUCKET: Final = f"arn:aws:s3:::{STACK}-serverlessdeploymentbuck*"  # CloudFormation cuts it at 24 characters
APIS: Final = (
    *(
        f"arn:aws:apigateway:REGION::/{kind}{below}"
        for kind in ("restapis", "apikeys", "usageplans")
        for below in ("", "/*")
    ),
    "arn:aws:apigateway:REGION::/tags/*",
)

RESOURCES: Final[Mapping[str, Sequence[str]]] = {
    "AWS::ApiGateway::ApiKey": APIS,
    "AWS::ApiGateway::Authorizer": APIS,
    "AWS::ApiGateway::Deployment": APIS,
    "AWS::ApiGateway::GatewayResponse": APIS,
    "AWS::ApiGateway::Method": APIS,
    "AWS::ApiGateway::Resource": APIS,
    "AWS::ApiGateway::RestApi": APIS,
    "AWS::ApiGateway::Stage": APIS,
    "AWS::ApiGateway::UsagePlan": APIS,
    "AWS::ApiGateway::UsagePlanKey": APIS,
    "AWS::CloudWatch::Alarm": (f"arn:aws:cloudwatch:{HERE}:alarm:{STACK}-*",),
    "AWS::DynamoDB::Table": (f"arn:aws:dynamodb:{HERE}:table/{STACK}-*",),
    "AWS::Events::EventBus": (f"arn:aws:events:{HERE}:event-bus/{STACK}",),
    "AWS::Events::Rule": (f"arn:aws:events:{HERE}:rule/{STACK}-*",),
    "AWS::IAM::ManagedPolicy": (OPERATOR_POLICIES,),
    "AWS::IAM::Role": ROLES,
    "AWS::Lambda::EventSourceMapping": (f"arn:aws:lambda:{HERE}:event-source-mapping:*",),
    "AWS::Lambda::Function": FUNCTIONS,
    "AWS::Lambda::Permission": FUNCTIONS,
    "AWS::Logs::LogGroup": LOGS,
    "AWS::S3::Bucket": BUCKETS,
    "AWS::S3::BucketPolicy": BUCKETS,
    "AWS::SNS::Topic": (f"arn:aws:sns:{HERE}:{STACK}-*",),
    "AWS::SNS::TopicPolicy": (f"arn:aws:sns:{HERE}:{STACK}-*",),
    "AWS::SQS::Queue": (f"arn:aws:sqs:{HERE}:{STACK}-*",),
    "AWS::SQS::QueuePolicy": (f"arn:aws:sqs:{HERE}:{STACK}-*",),
}
"""What the templates create, and where. API Gateway and event source mappings have ids in place of names."""

API_STAGE: Final = "arn:aws:apigateway:REGION::/restapis/*/stages/STAGE"
CDN: Final = ("arn:aws:cloudfront::ACCOUNT:*",)
SWITCHED: Final[Mapping[str, Sequence[str]]] = {
    "AWS::CloudFront::CachePolicy": CDN,
    "AWS::CloudFront::Distribution": CDN,
    "AWS::CloudFront::Function": CDN,
    "AWS::CloudFront::OriginAccessControl": CDN,
    "AWS::CloudFront::ResponseHeadersPolicy": CDN,
    "AWS::CloudWatch::Dashboard": (f"arn:aws:cloudwatch::ACCOUNT:dashboard/{STACK}",),
    "AWS::EC2::VPCEndpoint": (f"arn:aws:ec2:{HERE}:*/*",),
    "AWS::Events::Rule": (f"arn:aws:events:{HERE}:rule/{STACK}/*",),  # on the stage's own bus
    "AWS::KMS::Key": (f"arn:aws:kms:{HERE}:key/*",),
    "AWS::StepFunctions::StateMachine": (f"arn:aws:states:{HERE}:stateMachine:{STACK}-*",),
    "AWS::WAFv2::WebACLAssociation": (f"arn:aws:wafv2:{HERE}:regional/webacl/*", API_STAGE),
}
"""What switches add. CloudFront, KMS and EC2 have ids in place of names; CloudFront and dashboards have no region."""

SWITCHED_ACTIONS: Final[Mapping[Sequence[str], Sequence[str]]] = {
    BUCKETS: ("s3:PutBucketLogging", "s3:PutBucketVersioning"),
    LOGS: ("logs:AssociateKmsKey", "logs:DisassociateKmsKey"),
    ROLES: ("iam:PutRolePermissionsBoundary", "iam:DeleteRolePermissionsBoundary"),
    (API_STAGE,): ("apigateway:SetWebACL",),
    ("arn:aws:wafv2:us-east-1:ACCOUNT:global/webacl/*",): ("wafv2:GetWebACL",),
}
"""What switches need of resources that every stage has, and of a web ACL that the CDN refers to."""

THROUGH_DYNAMODB: Final = {"StringEquals": {"kms:ViaService": "dynamodb.REGION.amazonaws.com"}}

HANDLERS: Final = ("create", "read", "update", "delete")

UNUSED: Final[Mapping[str, str]] = {
    "cloudfront:*ConnectionGroup cloudfront:*VpcOrigin cloudfront:*StagingConfig": "no such feature of a distribution",
    "dynamodb:*Item dynamodb:Scan dynamodb:Query dynamodb:*TableReplica dynamodb:*Import*": "no replica, no import",
    "dynamodb:*ableKinesis* dynamodb:UpdateKinesis* dynamodb:UpdateContributorInsights": "no stream",
    "dynamodb:PutResourcePolicy dynamodb:DeleteResourcePolicy": "the table has no policy",
    "dynamodb:DeleteTable": "it is kept, and protected against deletion",
    "events:*Permission": "no other account may put events",
    "iam:*GroupPolicy iam:*UserPolicy": "a policy of the stack is a role's",
    "iam:Attach* iam:Detach*": "nothing is attached to a role, user or group",
    "iam:*PermissionsBoundary logs:*KmsKey s3:PutBucketLogging s3:PutBucketVersioning": "in SWITCHED_ACTIONS",
    "kms:DisableKey kms:EnableKey kms:DisableKeyRotation kms:ScheduleKeyDeletion": "a key stays as it is made",
    "lambda:*Concurrency lambda:PublishVersion lambda:PutFunction* lambda:*Provider": "no such setting of a function",
    "lambda:DeleteFunctionCodeSigningConfig lambda:GetCodeSigningConfig lambda:GetLayerVersion": "nor this",
    "lambda:PutRuntimeManagementConfig lambda:AssociateRuntimeAlias": "nor this",
    "logs:*LogDelivery logs:*BearerToken* logs:*ResourcePolicy": "a log group has a retention and a key, no more",
    "logs:PutDataProtectionPolicy logs:PutIndexPolicy logs:DeleteIndexPolicy logs:*DeletionProtection": "nor this",
    "s3:DeleteObject s3:PutObjectAcl": "of objects, those of the deployment bucket alone: in FRAMEWORK",
    "s3:*Abac s3:PutBucketAcl s3:*Analytics* s3:*Inventory* s3:*Metrics* s3:*IntelligentTiering*": "no such setting",
    "s3:*Metadata*TableConfiguration s3:*BucketWebsite s3:*ObjectLock*": "nor this",
    "s3:*tReplication s3:PutReplicationConfiguration s3:PutAccelerateConfiguration": "nor this",
    "sns:PutDataProtectionPolicy": "no topic has such a policy",
    "wafv2:*PermissionPolicy": "a web ACL is its owner's",
}
"""Actions of the schemas that are not granted, and why. Nor are those of another service than the resource's own."""

NAMELESS: Final = (
    *("cloudwatch:DescribeAlarms", "logs:DescribeLogGroups", "logs:DescribeResourcePolicies", "sns:Unsubscribe"),
    *("cloudformation:ValidateTemplate", "lambda:GetAccountSettings"),
)
"""Actions for which IAM takes no resource that is narrower, or for which there is none yet."""

SWITCHED_NAMELESS: Final = (
    *("ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcEndpoints", "ec2:DescribeVpcs"),
    "kms:CreateKey",
)

READS: Final = (
    *("s3:GetBucket*", "s3:Get*Configuration", "cloudformation:Describe*", "dynamodb:Describe*", "lambda:GetFunction*"),
)
TAGS: Final = tuple(
    f"{service}:*Tag*" for service in ("cloudwatch", "dynamodb", "events", "lambda", "logs", "sns", "sqs")
)
"""In place of each by its name, or the policy would be too long."""

MAPPINGS: Final = tuple(f"lambda:{verb}EventSourceMapping" for verb in ("Create", "Update", "Delete"))

FRAMEWORK: Final[Mapping[Sequence[str], Sequence[str]]] = {
    (f"arn:aws:cloudformation:{HERE}:stack/{STACK}/*",): (
        *(f"cloudformation:{verb}Stack" for verb in ("Create", "Update", "Delete")),
        *("cloudformation:DescribeStacks", "cloudformation:DescribeStackEvents", "cloudformation:GetTemplate"),
        *("cloudformation:DescribeStackResource", "cloudformation:DescribeStackResources"),
        *("cloudformation:ListStackResources", "cloudformation:ContinueUpdateRollback"),
        *(f"cloudformation:{verb}ChangeSet" for verb in ("Create", "Describe", "Execute", "Delete")),
    ),
    (DEPLOYMENT_BUCKET,): (*("s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"),),
    LOGS: ("logs:DescribeSubscriptionFilters",),
    (f"arn:aws:iam::ACCOUNT:role/{STACK}-deployer",): ("iam:GetRole", "iam:SimulatePrincipalPolicy"),
}
"""What the framework asks itself, and `darkroom doctor` of the role that deploys. Change sets are for the import of a
table into a new stack, ContinueUpdateRollback for an update that could not be taken back."""


def statements() -> Iterator[dict[str, Any]]:
    """The statements of the policy, one for each set of resources."""
    by_place: dict[Sequence[str], set[str]] = {place: set(actions) for place, actions in FRAMEWORK.items()}
    for kind, place in RESOURCES.items():
        by_place.setdefault(place, set()).update(granted(kind))
    for place, actions in by_place.items():
        yield _allow(_shorter(actions - {*NAMELESS, *MAPPINGS}), place)
    yield _allow(MAPPINGS, ["*"]) | {"Condition": {"ArnLike": {"lambda:FunctionArn": FUNCTIONS[0]}}}
    yield _allow(["iam:PassRole"], ROLES) | {"Condition": {"StringEquals": {"iam:PassedToService": LAMBDA}}}
    yield _allow(["iam:CreateServiceLinkedRole"], [f"{SERVICE_ROLES}/ops.apigateway.amazonaws.com/*"])
    yield _allow(NAMELESS, ["*"])


def switched_statements() -> Iterator[dict[str, Any]]:
    """The statements of the policy for switches."""
    by_place: dict[Sequence[str], set[str]] = {place: set(actions) for place, actions in SWITCHED_ACTIONS.items()}
    for kind, place in SWITCHED.items():
        by_place.setdefault(place, set()).update(granted(kind))
    for place, actions in by_place.items():
        yield _allow(actions - {*SWITCHED_NAMELESS}, place)
    yield _allow(SWITCHED_NAMELESS, ["*"])
    of_a_table = granted("AWS::DynamoDB::Table", of="kms") - {"kms:ListAliases"}
    yield _allow(of_a_table, SWITCHED["AWS::KMS::Key"]) | {"Condition": THROUGH_DYNAMODB}
    yield _allow(["iam:PassRole"], ROLES) | {"Condition": {"StringEquals": {"iam:PassedToService": WORKFLOW}}}


def granted(kind: str, of: str | None = None) -> set[str]:
    """The actions that CloudFormation takes for a type of resource, without those of features that nothing uses.

    Args:
        kind: the type.
        of: the service whose actions they are; the resource's own when not given.
    """
    handlers = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema["handlers"]
    actions = {action for name in HANDLERS for action in handlers.get(name, {}).get("permissions", ())}
    service = of or {**RESOURCES, **SWITCHED}[kind][0].split(":")[2]
    return {action for action in actions if action.startswith(f"{service}:") and not _is_unused(action)}


def policy(of: Iterable[dict[str, Any]] | None = None) -> str:
    """The policy as it stands in docs/deployer-policy.json, with STAGE, REGION and ACCOUNT to be replaced.

    Args:
        of: other statements than those that every stage needs.
    """
    made = list(statements() if of is None else of)
    return json.dumps({"Version": "2012-10-17", "Statement": made}, indent=2) + "\n"


def _is_unused(action: str) -> bool:
    return any(fnmatchcase(action, pattern) for pattern in " ".join(UNUSED).split())


def _shorter(actions: set[str]) -> set[str]:
    return {next((read for read in (*READS, *TAGS) if fnmatchcase(action, read)), action) for action in actions}


def _allow(actions: Sequence[str] | set[str], resources: Sequence[str]) -> dict[str, Any]:
    return {
        "Effect": "Allow",
        "Action": sorted(actions),
        "Resource": resources[0] if len(resources) == 1 else [*resources],
    }


def main(arguments: Sequence[str]) -> int:
    """Write the policies, or with no arguments print the first."""
    return print_or_write(
        arguments,
        usage=REGENERATE,
        shown=policy,
        files={FILE: policy, SWITCHES_FILE: lambda: policy(switched_statements())},
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
