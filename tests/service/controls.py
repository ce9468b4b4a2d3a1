"""The controls of AWS's Foundational Security Best Practices that a template decides, each as a check of a package."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import yaml

from tests.service.packaged_service import PROJECT, Package
from tests.service.test_access import listed

WORKER = yaml.safe_load((PROJECT / "resources" / "worker" / "service.yml").read_text(encoding="utf-8"))["Resources"]
FRAMEWORK = "ServerlessDeploymentBucket"
OURS = ("UploadsBucket", "VariantsBucket")
BLOCKED = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
SUPPORTED = ("python3.13",)

Properties = dict[str, Any]
Check = Callable[[Package], bool]


def properties(package: Package, kind: str) -> list[Properties]:
    return [each["Properties"] for each in package.of_type(f"AWS::{kind}").values()]


def every(kind: str, holds: Callable[[Properties], bool]) -> Check:
    """Whether it holds for each resource of a type; where there is none, it does."""
    return lambda package: all(map(holds, properties(package, kind)))


def allowed(policies: list[Properties]) -> Iterator[Properties]:
    """The statements of the policies that allow something."""
    for policy in policies:
        yield from (each for each in policy["PolicyDocument"]["Statement"] if each["Effect"] == "Allow")


def principals(kind: str, *accepted: str) -> Check:
    """Whether policies of a type allow AWS services alone, each under a condition on its source."""
    return lambda package: all(
        set(each["Principal"]) == {"Service"}
        and any("aws:Source" in key for test in each["Condition"].values() for key in test)
        for each in allowed(properties(package, kind))
    )


def managed(package: Package) -> list[Properties]:
    return properties(package, "IAM::ManagedPolicy")


def inline(package: Package) -> list[Properties]:
    return [each for role in properties(package, "IAM::Role") for each in role["Policies"]] + properties(
        package, "IAM::Policy"
    )


def decrypts_with_one_key(policies: Callable[[Package], list[Properties]]) -> Check:
    def check(package: Package) -> bool:
        kms = [
            each for each in allowed(policies(package)) if any("kms:" in action for action in listed(each["Action"]))
        ]
        return all("*" not in str(each["Resource"]) for each in kms)

    return check


def no_action(pattern: str, policies: Callable[[Package], list[Properties]]) -> Check:
    def check(package: Package) -> bool:
        actions = [action for each in allowed(policies(package)) for action in listed(each["Action"])]
        return not any(re.fullmatch(pattern, action) for action in actions)

    return check


def buckets_refuse_plain_http(package: Package) -> bool:
    def refusing(policy: Properties) -> bool:
        return any(
            each["Effect"] == "Deny"
            and each["Principal"] == "*"
            and each["Action"] == "s3:*"
            and len(each["Resource"]) == 2
            and str(each["Condition"]["Bool"]["aws:SecureTransport"]).lower() == "false"
            for each in policy["PolicyDocument"]["Statement"]
        )

    refused = {each["Bucket"]["Ref"] for each in properties(package, "S3::BucketPolicy") if refusing(each)}
    return refused == set(package.of_type("AWS::S3::Bucket"))


def buckets(holds: Callable[[Properties], bool], *, but: tuple[str, ...] = ()) -> Check:
    return lambda package: all(
        holds(each["Properties"]) for name, each in package.of_type("AWS::S3::Bucket").items() if name not in but
    )


def key_is_of_the_account(package: Package) -> bool:
    statements = [each for key in properties(package, "KMS::Key") for each in key["KeyPolicy"]["Statement"]]
    root = [each for each in statements if "AWS" in each["Principal"]]
    services = [each for each in statements if each not in root]
    return all(":root" in str(each["Principal"]) for each in root) and all("Condition" in each for each in services)


def distribution(holds: Callable[[Properties], bool]) -> Check:
    return every("CloudFront::Distribution", lambda each: holds(each["DistributionConfig"]))


def certificate(holds: Callable[[Properties], bool]) -> Check:
    return distribution(lambda each: "ViewerCertificate" in each and holds(each["ViewerCertificate"]))


def methods(holds: Callable[[Properties], bool]) -> Check:
    return every("ApiGateway::Stage", lambda each: all(map(holds, each["MethodSettings"])))


def origin_is_the_stacks(package: Package) -> bool:
    names = [each["BucketName"] for each in properties(package, "S3::Bucket") if "BucketName" in each]
    used = [
        (origin["DomainName"]["Fn::Sub"]).partition(".s3.")[0]
        for each in properties(package, "CloudFront::Distribution")
        for origin in each["DistributionConfig"]["Origins"]
    ]
    return all(name in [each if isinstance(each, str) else each["Fn::Sub"] for each in names] for name in used)


CHECKS: dict[str, Check] = {
    "S3.2": buckets(lambda each: all(each["PublicAccessBlockConfiguration"][name] for name in BLOCKED)),
    "S3.3": buckets(lambda each: all(each["PublicAccessBlockConfiguration"][name] for name in BLOCKED)),
    "S3.5": buckets_refuse_plain_http,
    "S3.6": principals("S3::BucketPolicy"),
    "S3.8": buckets(lambda each: all(each["PublicAccessBlockConfiguration"][name] for name in BLOCKED)),
    "S3.9": lambda package: all("LoggingConfiguration" in package.properties(name) for name in OURS),
    "S3.12": lambda package: (
        buckets(lambda each: "AccessControl" not in each)(package)
        and buckets(
            lambda each: each["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}],
            but=(FRAMEWORK,),
        )(package)
    ),
    "S3.13": buckets(
        lambda each: any(rule["Status"] == "Enabled" for rule in each["LifecycleConfiguration"]["Rules"]),
        but=(FRAMEWORK,),
    ),
    "SQS.1": every("SQS::Queue", lambda each: each.get("SqsManagedSseEnabled") is True or "KmsMasterKeyId" in each),
    "SQS.3": principals("SQS::QueuePolicy"),
    "SNS.4": principals("SNS::TopicPolicy"),
    "Lambda.1": every(
        "Lambda::Permission",
        lambda each: each["Principal"] == "apigateway.amazonaws.com" and "ApiGatewayRestApi" in str(each["SourceArn"]),
    ),
    "Lambda.2": every("Lambda::Function", lambda each: each["Runtime"] in SUPPORTED),
    "DynamoDB.1": every("DynamoDB::Table", lambda each: each["BillingMode"] == "PAY_PER_REQUEST"),
    "DynamoDB.2": every(
        "DynamoDB::Table", lambda each: each["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True
    ),
    "DynamoDB.6": every("DynamoDB::Table", lambda each: each["DeletionProtectionEnabled"] is True),
    "APIGateway.1": methods(lambda each: each.get("LoggingLevel") in ("ERROR", "INFO")),
    "APIGateway.2": every("ApiGateway::Stage", lambda each: "ClientCertificateId" in each),
    "APIGateway.3": every("ApiGateway::Stage", lambda each: each["TracingEnabled"] is True),
    "APIGateway.4": lambda package: len(package.of_type("AWS::WAFv2::WebACLAssociation")) == 1,
    "APIGateway.5": lambda package: (
        every("ApiGateway::Stage", lambda each: not each.get("CacheClusterEnabled"))(package)
        and methods(lambda each: not each.get("CachingEnabled"))(package)
    ),
    "CloudFront.1": distribution(lambda each: bool(each.get("DefaultRootObject"))),
    "CloudFront.3": distribution(
        lambda each: (
            each["DefaultCacheBehavior"]["ViewerProtocolPolicy"] in ("redirect-to-https", "https-only")
            and not each.get("CacheBehaviors")
        )
    ),
    "CloudFront.4": distribution(lambda each: "OriginGroups" in each),
    "CloudFront.5": distribution(lambda each: "Logging" in each),
    "CloudFront.6": distribution(lambda each: bool(each.get("WebACLId"))),
    "CloudFront.7": certificate(lambda each: "AcmCertificateArn" in each),
    "CloudFront.8": certificate(lambda each: each["SslSupportMethod"] == "sni-only"),
    "CloudFront.12": origin_is_the_stacks,
    "CloudFront.13": distribution(lambda each: all("OriginAccessControlId" in origin for origin in each["Origins"])),
    "CloudFront.15": certificate(
        lambda each: each["MinimumProtocolVersion"] in ("TLSv1.2_2021", "TLSv1.2_2025", "TLSv1.3_2025")
    ),
    "CloudFront.17": distribution(lambda each: bool(each["DefaultCacheBehavior"].get("TrustedKeyGroups"))),
    "KMS.1": decrypts_with_one_key(managed),
    "KMS.2": decrypts_with_one_key(inline),
    "KMS.5": key_is_of_the_account,
    "IAM.1": no_action(r"\*(:\*)?", lambda package: managed(package) + inline(package)),
    "IAM.21": no_action(r"\w+:\*", managed),
    "StepFunctions.1": every("StepFunctions::StateMachine", lambda each: "LoggingConfiguration" in each),
    "EventBridge.3": lambda package: (
        len(package.of_type("AWS::Events::EventBusPolicy")) == len(package.of_type("AWS::Events::EventBus"))
    ),
}
"""Each control that a template decides: whether a package meets it."""

TASK = WORKER["Task"]["Properties"]
(CONTAINER,) = TASK["ContainerDefinitions"]
OF_THE_WORKER = {
    "ECS.2": WORKER["Service"]["Properties"]["NetworkConfiguration"]["AwsvpcConfiguration"]["AssignPublicIp"]
    == "DISABLED",
    "ECS.3": "PidMode" not in TASK,
    "ECS.4": "Privileged" not in CONTAINER and CONTAINER["LinuxParameters"]["Capabilities"] == {"Drop": ["ALL"]},
    "ECS.5": CONTAINER["ReadonlyRootFilesystem"] is True,
    "ECS.8": not [
        each
        for each in CONTAINER["Environment"]
        if re.match("AWS_(ACCESS_KEY|SECRET|SESSION)|ECS_ENGINE", each["Name"])
    ],
    "ECS.9": "LogConfiguration" in CONTAINER,
    "ECS.10": "PlatformVersion" not in WORKER["Service"]["Properties"],
    "ECS.20": CONTAINER["User"] == "65532:65532",
}
