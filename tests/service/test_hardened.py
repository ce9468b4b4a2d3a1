"""What an organization may demand: each switch adds it everywhere, and the default template has none of it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.service.conftest import HARDENED, OWN
from tests.service.packaged_service import Package
from tests.service.test_access import TLS_ONLY, att, listed, policy, without_sid

KEY = att("Key")
OWN_KEY = {"Fn::Sub": OWN["kmsKey"]}
ROLE = "AWS::IAM::Role"
FRAMEWORK = "ServerlessDeploymentBucket"
ENCRYPTED = {
    "AWS::SQS::Queue": ("KmsMasterKeyId",),
    "AWS::SNS::Topic": ("KmsMasterKeyId",),
    "AWS::Logs::LogGroup": ("KmsKeyId",),
    "AWS::DynamoDB::Table": ("SSESpecification", "KMSMasterKeyId"),
}
"""Where each type of resource has its key."""

OF_SWITCHES = (
    *("KmsMasterKeyId", "KmsKeyId", "KMSMasterKeyId", "SSESpecification", "aws:kms", "kms:", "AWS::KMS"),
    *("Transitions", "ExpirationInDays", "VersioningConfiguration", "LoggingConfiguration", "WebACL"),
    *("PermissionsBoundary", "VpcConfig", "ec2:", "AWS::EC2"),
)

DECRYPT, ENCRYPT = "kms:Decrypt", "kms:GenerateDataKey"
RIGHTS = {
    "ConsumerRole": {DECRYPT: ["dynamodb", "s3", "sqs"], ENCRYPT: ["s3"]},
    "ApiRole": {DECRYPT: ["dynamodb", "s3", "sqs"], ENCRYPT: ["s3", "sqs"]},
    "AnnouncerRole": {DECRYPT: ["dynamodb", "sqs"], ENCRYPT: ["sqs"]},
    "EraserRole": {DECRYPT: ["dynamodb", "s3", "sqs"]},
    "EraserPolicy": {DECRYPT: ["dynamodb", "s3", "sqs"]},
    "WorkflowRole": {DECRYPT: ["dynamodb", "s3", "sns", "sqs"], ENCRYPT: ["sns", "sqs"]},
    "OperatorPolicy": {DECRYPT: ["dynamodb", "s3", "sqs"], ENCRYPT: ["s3", "sqs"]},
}
"""Through which services the holder of each policy decrypts and encrypts."""


def policies(package: Package) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The statements of each role and of each policy that is a resource of its own."""
    for name, role in package.of_type(ROLE).items():
        (inline,) = role["Properties"]["Policies"]
        yield name, inline["PolicyDocument"]["Statement"]
    for kind in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"):
        for name in package.of_type(kind):
            yield name, policy(package, name)


def test_the_default_template_has_none_of_it(default: Package) -> None:
    text = json.dumps(default.template)

    assert [each for each in OF_SWITCHES if each in text] == []


def test_each_of_these_words_is_in_the_hardened_template(hardened: Package) -> None:
    text = json.dumps(hardened.template)

    assert [each for each in OF_SWITCHES if each not in text] == []


@pytest.mark.parametrize("kind", ENCRYPTED)
def test_everything_that_holds_data_is_encrypted_with_the_key(hardened: Package, owned: Package, kind: str) -> None:
    for package, key in ((hardened, KEY), (owned, OWN_KEY)):
        for name, resource in package.of_type(kind).items():
            value = resource["Properties"]
            for step in ENCRYPTED[kind]:
                value = value[step]

            assert value == key, name
            assert "SqsManagedSseEnabled" not in resource["Properties"]  # SQS takes one of the two


def test_both_buckets_encrypt_with_a_bucket_key(hardened: Package, owned: Package) -> None:
    for package, key, buckets in (
        (hardened, KEY, ("UploadsBucket", "VariantsBucket")),
        (owned, OWN_KEY, ("VariantsBucket",)),
    ):
        for bucket in buckets:
            assert package.properties(bucket)["BucketEncryption"] == {
                "ServerSideEncryptionConfiguration": [
                    {
                        "ServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key},
                        "BucketKeyEnabled": True,
                    }
                ]
            }


def test_whoever_has_rights_on_data_has_them_on_the_key_and_through_that_service_alone(hardened: Package) -> None:
    found = {
        name: {
            each["Action"]: [through["Fn::Sub"] for through in each["Condition"]["StringLike"]["kms:ViaService"]]
            for each in statements
            if each.get("Resource") == KEY
        }
        for name, statements in policies(hardened)
    }

    assert {name: rights for name, rights in found.items() if rights} == {
        name: {
            action: [f"{service}.${{AWS::Region}}.amazonaws.com*" for service in services]
            for action, services in rights.items()
        }
        for name, rights in RIGHTS.items()
    }


def test_no_policy_allows_anything_on_another_key(hardened: Package, owned: Package) -> None:
    for package, key in ((hardened, KEY), (owned, OWN_KEY)):
        keys = [
            each["Resource"]
            for _, statements in policies(package)
            for each in statements
            if any(action.startswith("kms:") for action in listed(each["Action"]))
        ]

        assert keys
        assert [each for each in keys if each != key] == []


def test_a_new_key_is_rotated_and_outlives_the_stack(hardened: Package) -> None:
    key = hardened.template["Resources"]["Key"]

    assert (key["DeletionPolicy"], key["UpdateReplacePolicy"]) == ("Retain", "Retain")
    assert key["Properties"]["EnableKeyRotation"] is True
    assert hardened.template["Outputs"]["KeyArn"]["Value"] == KEY


def test_a_key_that_is_given_is_not_made(owned: Package) -> None:
    assert owned.of_type("AWS::KMS::Key") == {}
    assert "KeyArn" not in owned.template["Outputs"]


def test_originals_move_and_end_below_the_prefix_alone_and_versions_do_not_pile_up(hardened: Package) -> None:
    tidy, *rules = hardened.properties("UploadsBucket")["LifecycleConfiguration"]["Rules"]

    assert tidy["Id"] == "abort-incomplete-multipart-uploads"
    assert [without_id(rule) for rule in rules] == [
        {
            "Prefix": "images/",
            "Transitions": [{"StorageClass": "INTELLIGENT_TIERING", "TransitionInDays": 30}],
        },
        {"Prefix": "images/", "ExpirationInDays": 365},
        {"NoncurrentVersionExpiration": {"NoncurrentDays": 60}},
        {"ExpiredObjectDeleteMarker": True},
    ]
    assert {rule["Status"] for rule in rules} == {"Enabled"}
    assert hardened.properties("UploadsBucket")["VersioningConfiguration"] == {"Status": "Enabled"}
    assert "IntelligentTieringConfigurations" not in hardened.properties("UploadsBucket")  # its archive tiers


def without_id(rule: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in rule.items() if name not in ("Id", "Status")}


def test_variants_neither_move_nor_end_nor_have_versions(hardened: Package) -> None:
    variants = hardened.properties("VariantsBucket")

    assert [rule["Id"] for rule in variants["LifecycleConfiguration"]["Rules"]] == [
        "abort-incomplete-multipart-uploads"
    ]
    assert "VersioningConfiguration" not in variants


def test_requests_to_both_buckets_are_logged(hardened: Package, owned: Package) -> None:
    for package, target in ((hardened, {"Ref": "AccessLogsBucket"}), (owned, {"Fn::Sub": OWN["accessLogs"]})):
        for bucket, folder in (("UploadsBucket", "uploads"), ("VariantsBucket", "variants")):
            if bucket in package.template["Resources"]:
                assert package.properties(bucket)["LoggingConfiguration"] == {
                    "DestinationBucketName": target,
                    "LogFilePrefix": f"darkroom-prod/{folder}/",
                }
    assert "AccessLogsBucket" not in owned.template["Resources"]


def test_the_bucket_for_logs_is_closed_keeps_them_as_long_as_logs_and_takes_them_from_two_buckets(
    hardened: Package,
) -> None:
    bucket = hardened.properties("AccessLogsBucket")
    logs, tls = policy(hardened, "AccessLogsBucketPolicy")
    own = "arn:${AWS::Partition}:s3:::darkroom-prod-%s-${AWS::AccountId}-${AWS::Region}"

    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert bucket["BucketEncryption"] == {  # S3 delivers no access logs to SSE-KMS
        "ServerSideEncryptionConfiguration": [{"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
    }
    assert [without_id(rule) for rule in bucket["LifecycleConfiguration"]["Rules"]] == [{"ExpirationInDays": 30}]
    assert logs["Principal"] == {"Service": "logging.s3.amazonaws.com"}
    assert (logs["Action"], logs["Resource"]) == (
        "s3:PutObject",
        {"Fn::Sub": "${AccessLogsBucket.Arn}/darkroom-prod/*"},
    )
    assert logs["Condition"] == {
        "ArnEquals": {"aws:SourceArn": [{"Fn::Sub": own % "uploads"}, {"Fn::Sub": own % "variants"}]},
        "StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}},
    }
    assert without_sid(tls) == {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [att("AccessLogsBucket"), {"Fn::Sub": "${AccessLogsBucket.Arn}/*"}],
        "Condition": TLS_ONLY,
    }


@pytest.mark.parametrize("name", ["AccessLogsBucket", "AccessLogsBucketPolicy"])
def test_access_logs_and_their_protection_outlive_the_stack(hardened: Package, name: str) -> None:
    assert hardened.template["Resources"][name]["DeletionPolicy"] == "RetainExceptOnCreate"


def test_every_role_has_the_boundary(hardened: Package, owned: Package) -> None:
    boundaries = [role["Properties"].get("PermissionsBoundary") for role in hardened.of_type(ROLE).values()]
    others = [role["Properties"].get("PermissionsBoundary") for role in owned.of_type(ROLE).values()]

    assert len(boundaries) >= 6
    assert boundaries == [HARDENED["permissionsBoundary"]] * len(boundaries)
    assert others == [{"Fn::Sub": OWN["permissionsBoundary"]}] * len(others)


def test_web_acls_stand_before_the_stage_of_the_api_and_before_the_cdn(hardened: Package) -> None:
    assert hardened.properties("WebAclAssociation") == {
        "WebACLArn": HARDENED["webAclArn"],
        "ResourceArn": {
            "Fn::Sub": "arn:${AWS::Partition}:apigateway:${AWS::Region}::/restapis/${ApiGatewayRestApi}"
            "/stages/${ApiGatewayStage}"
        },
    }
    assert hardened.properties("Cdn")["DistributionConfig"]["WebACLId"] == HARDENED["cdnWebAclArn"]


def test_every_function_works_in_the_subnets(hardened: Package) -> None:
    functions = hardened.of_type("AWS::Lambda::Function")

    assert len(functions) == 4
    for each in functions.values():
        assert each["Properties"]["VpcConfig"] == {
            "SubnetIds": ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"],
            "SecurityGroupIds": ["sg-0123456789abcdef0"],
        }


def test_the_role_of_each_function_may_have_lambda_make_interfaces_and_its_code_may_not(hardened: Package) -> None:
    with_network = {
        name: {each["Sid"]: each for each in statements if str(each["Action"]).count("ec2:")}
        for name, statements in policies(hardened)
    }
    roles = {each["Properties"]["Role"]["Fn::Sub"][2:-5] for each in hardened.of_type("AWS::Lambda::Function").values()}

    assert {name for name, found in with_network.items() if found} == roles
    for name in roles:
        make, find, leave = with_network[name].values()
        assert make["Resource"] == {"Fn::Sub": "arn:${AWS::Partition}:ec2:${AWS::Region}:${AWS::AccountId}:*/*"}
        assert {action for each in (make, find) for action in each["Action"]} == {*leave["Action"]}
        assert leave["Effect"] == "Deny"
        assert leave["Condition"] == {
            "ArnLike": {
                "lambda:SourceFunctionArn": {
                    "Fn::Sub": "arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:darkroom-prod-*"
                }
            }
        }


def test_the_subnets_reach_s3_and_dynamodb_by_gateways(hardened: Package) -> None:
    endpoints = [each["Properties"] for each in hardened.of_type("AWS::EC2::VPCEndpoint").values()]

    assert [each["ServiceName"] for each in endpoints] == [
        {"Fn::Sub": f"com.amazonaws.${{AWS::Region}}.{service}"} for service in ("s3", "dynamodb")
    ]
    for each in endpoints:
        assert (each["VpcEndpointType"], each["VpcId"]) == ("Gateway", HARDENED["vpcId"])
        assert each["RouteTableIds"] == [HARDENED["vpcRouteTables"]]


def test_every_log_group_has_a_retention(hardened: Package) -> None:
    groups = hardened.of_type("AWS::Logs::LogGroup")

    assert {name for name in groups if "Access" in name} == {"ApiAccessLogGroup"}
    assert {each["Properties"]["RetentionInDays"] for each in groups.values()} == {30}


def test_the_frameworks_bucket_stays_as_it_is(hardened: Package, default: Package) -> None:
    """It is made before the key."""
    assert hardened.properties(FRAMEWORK) == default.properties(FRAMEWORK)
