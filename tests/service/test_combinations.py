"""What the parameters for storage, keys and networks may be, each by itself and together."""

from typing import Any

import botocore.session
import pytest

from ops.build import rules
from ops.build.combinations import UNUSED_DAYS
from tests.service.conftest import HARDENED, OWN
from tests.service.test_check import DEFAULTS, found

ACCOUNT = "123456789012"
ID = "11112222-3333-4444-5555-666677778888"
ACL = f"arn:aws:wafv2:eu-west-1:{ACCOUNT}:regional/webacl/photos/{ID}"
CDN_ACL = f"arn:aws:wafv2:us-east-1:{ACCOUNT}:global/webacl/photos/{ID}"


def test_all_of_it_together_has_no_fault() -> None:
    assert found(**HARDENED) == []
    assert found(**OWN) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("kmsKey", "alias/photos"),
        ("kmsKey", f"arn:aws:kms:eu-west-1:{ACCOUNT}:alias/photos"),
        ("kmsKey", "aws/s3"),
        ("kmsKey", f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/x"),
        ("kmsKey", f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/{ID[:-1]}"),
        ("cdnCertificate", f"arn:aws:acm:us-east-1:{ACCOUNT}:certificate/x"),
        ("webAclArn", f"arn:aws:wafv2:eu-west-1:{ACCOUNT}:regional/webacl/photos/x"),
        ("cdnWebAclArn", f"arn:aws:wafv2:us-east-1:{ACCOUNT}:global/webacl/photos/x"),
        ("userPoolArn", f"arn:aws:cognito-idp:eu-west-1:{ACCOUNT}:userpool/x"),
        ("permissionsBoundary", f"arn:aws:iam::{ACCOUNT}:policy/path/"),
        ("cdnAlias", "-pictures.example.com"),
        ("cdnAlias", f"{'a' * 64}.example.com"),
        ("accessLogs", "true"),
        ("accessLogs", "none"),
        ("accessLogs", "false"),
        ("accessLogs", "logs-s3alias"),
        ("accessLogs", "Logs"),
        ("accessLogs", "my.logs"),
        ("webAclArn", CDN_ACL),
        ("cdnWebAclArn", ACL),
        ("permissionsBoundary", "boundary"),
        ("permissionsBoundary", f"arn:aws:iam::{ACCOUNT}:role/boundary"),
        ("tags", "team"),
        ("tags", "team=photos;cost-center=42"),
        ("tags", "aws:team=photos"),
        ("tags", "Aws:team=photos"),
        ("tags", "a=b, AWS:team=photos"),
        ("tags", " =photos"),
        ("tags", "team =photos"),
        ("tags", "a=b,  =photos"),
        ("tags", f"{'k' * 129}=v"),
        ("tags", f"k={'v' * 257}"),
        ("vpcId", "vpc-1"),
        ("vpcSubnets", "subnet-0123456789abcdef0 subnet-0123456789abcdef1"),
        ("vpcSecurityGroups", "default"),
        ("vpcRouteTables", "main"),
    ],
)
def test_a_value_of_another_form_is_refused(name: str, value: str) -> None:
    faults = [fault for fault in found(**{name: value}) if fault.startswith(f"{name}: is {value!r}; give ")]

    assert any(" or ''" in fault for fault in faults)


@pytest.mark.parametrize("archive", ["GLACIER", "DEEP_ARCHIVE", "GLACIER_IR", "STANDARD_IA"])
def test_a_class_from_which_nothing_could_be_processed_again_is_not_offered(archive: str) -> None:
    (fault,) = found(originalsTieringDays=archive)

    assert "the class is Intelligent-Tiering, and no other is offered: from Glacier or Deep Archive" in fault


@pytest.mark.parametrize(
    ("name", "value", "off"),
    [("originalsTieringDays", 30, 0), ("originalsExpireDays", 90, 0), ("uploadsVersioning", "true", "false")],
)
@pytest.mark.parametrize("existing", ["uploads", "both"])
def test_a_setting_of_a_bucket_that_is_its_owners_is_refused(
    name: str, value: object, off: object, existing: str
) -> None:
    (fault,) = found(**{name: value}, existing=existing)

    assert fault == f"{name}: is {value}; give {off}, for existing is {existing}: that bucket is its owner's"


def test_access_logs_of_no_bucket_are_refused() -> None:
    (fault,) = found(existing="both", accessLogs="new")

    assert fault.startswith("accessLogs: is set; give '': existing is both")
    assert found(existing="uploads", accessLogs="new") == []  # of the variants bucket


@pytest.mark.parametrize(
    ("bucket", "logs"),
    [
        ("our-logs", "our-logs"),
        ("a-${AWS::AccountId}", f"a-{ACCOUNT}"),
        (f"a-{ACCOUNT}", "a-${AWS::AccountId}"),
        ("a-${AWS::AccountId}-${AWS::Region}", f"a-{ACCOUNT}-eu-west-1"),
    ],
)
@pytest.mark.parametrize("name", ["uploadsBucket", "variantsBucket"])
def test_a_bucket_that_would_log_itself_is_refused_however_it_is_written(name: str, bucket: str, logs: str) -> None:
    (fault,) = found(**{name: bucket, "accessLogs": logs})

    assert fault.startswith(f"accessLogs: is the {name} too; give another bucket")


@pytest.mark.parametrize("account", [ACCOUNT, "${AWS::AccountId}"])
@pytest.mark.parametrize("name", ["uploadsBucket", "variantsBucket"])
def test_a_bucket_with_the_name_of_the_one_for_logs_is_refused(name: str, account: str) -> None:
    assert found(**{name: f"darkroom-prod-logs-{account}-eu-west-1"}, accessLogs="new") == [
        f"{name}: is the bucket that accessLogs makes; give another name"
    ]


def test_the_variants_bucket_is_not_the_uploads_bucket_in_another_writing() -> None:
    (fault,) = found(uploadsBucket="a-${AWS::AccountId}", variantsBucket=f"a-{ACCOUNT}", uploadsPrefix="phone/")

    assert fault.startswith("variantsBucket: is the uploads bucket")
    assert "(phone would even be processed again" in fault
    assert found(uploadsBucket="a-${AWS::AccountId}", variantsBucket="a-12345678901") == []


def test_an_original_outlives_its_dead_letter() -> None:
    (fault,) = found(originalsExpireDays=14)

    assert fault.startswith("originalsExpireDays: is 14; give more than dlqRetentionDays (14)")
    assert found(originalsExpireDays=15) == []


def test_an_original_that_is_gone_does_not_move() -> None:
    (fault,) = found(originalsExpireDays=30, originalsTieringDays=30)

    assert fault.startswith("originalsTieringDays: is 30; give less than originalsExpireDays (30)")


@pytest.mark.parametrize(("name", "value"), [("vpcSubnets", "subnet-0123456789abcdef0"), ("vpcId", "vpc-12345678")])
def test_what_belongs_together_in_a_network_is_given_together(name: str, value: str) -> None:
    other = {"vpcSubnets": "vpcSecurityGroups", "vpcId": "vpcRouteTables"}[name]

    assert found(**{name: value}) == [f"{other}: belongs to {name}; give both, or neither"]


def test_gateways_are_for_functions_in_a_network() -> None:
    (fault,) = found(vpcId="vpc-12345678", vpcRouteTables="rtb-12345678")

    assert fault.startswith("vpcRouteTables: is for functions in a VPC")


@pytest.mark.parametrize(
    ("name", "arn"),
    [("kmsKey", f"arn:aws:kms:eu-central-1:{ACCOUNT}:key/{ID}"), ("webAclArn", ACL.replace("west", "central"))],
)
def test_a_key_and_a_web_acl_are_in_the_stages_region(name: str, arn: str) -> None:
    (fault,) = found(**{name: arn})

    assert fault == f"{name}: is in eu-central-1; give one in eu-west-1, where the stage is"


def test_the_cdns_web_acl_needs_the_cdn() -> None:
    (fault,) = found(cdnWebAclArn=CDN_ACL)

    assert fault.startswith("cdnWebAclArn: is for the CDN; give '', or true for cdn")


def test_a_tag_has_one_value() -> None:
    for given in ("team=a, team=b", "team=a,Team=b"):
        (fault,) = found(tags=given)
        assert fault.startswith("tags: has 'team' more than once, small and capital letters being the same;")
    assert found(tags="url=https://a.example.com/?b=c") != []  # no question mark in a tag
    assert found(tags="contact=a@example.com, path=/a/b=c") == []


def shape(service: str, name: str, member: str) -> Any:
    """What AWS's own model says of a value."""
    structure: Any = botocore.session.get_session().get_service_model(service).shape_for(name)
    return structure.members[member].metadata["max"]


def test_no_more_is_accepted_than_aws_takes() -> None:
    assert shape("lambda", "VpcConfig", "SubnetIds") == rules.MOST_SUBNETS
    assert shape("lambda", "VpcConfig", "SecurityGroupIds") == rules.MOST_SECURITY_GROUPS
    assert shape("cloudformation", "CreateStackInput", "Tags") == rules.MOST_TAGS + 1  # the framework adds STAGE


@pytest.mark.parametrize(
    ("name", "one", "most"),
    [
        ("vpcSubnets", "subnet-{:08x}", rules.MOST_SUBNETS),
        ("vpcSecurityGroups", "sg-{:08x}", rules.MOST_SECURITY_GROUPS),
        ("vpcRouteTables", "rtb-{:08x}", rules.MOST_ROUTE_TABLES),
        ("tags", "k{}=v", rules.MOST_TAGS),
    ],
)
def test_a_list_has_at_most_as_many_as_aws_takes_and_none_of_them_twice(name: str, one: str, most: int) -> None:
    many = [one.format(number) for number in range(most + 1)]
    rule = rules.RULES[name]

    assert rule(",".join(many[:most])) is None
    assert str(rule(", ".join(many))).startswith(f"give at most {most}, for ")
    assert rule(", ".join([many[0], many[0]])) == "name each once"


@pytest.mark.parametrize("name", ["corsOrigins", "operators", "uploadsPrefix", "apiKeys"])
def test_what_has_no_end_is_refused(name: str) -> None:
    one, between = {
        "corsOrigins": ("https://a.example", ","),
        "operators": ("a", ","),
        "uploadsPrefix": ("a/", ""),
        "apiKeys": ("a", ","),
    }[name]

    assert rules.RULES[name](between.join([one] * 5)) is None
    assert "at most" in str(rules.RULES[name](between.join([one] * 1000)))


@pytest.mark.parametrize(
    "name", ["xn--a", "sthree-a", "amzn-s3-demo-a", "a-s3alias", "a--ol-s3", "a--x-s3", "a--table-s3"]
)
def test_a_name_that_s3_keeps_for_itself_is_refused(name: str) -> None:
    for parameter in ("uploadsBucket", "variantsBucket", "accessLogs"):
        (fault,) = found(**{parameter: name})
        assert fault.startswith(f"{parameter}: is {name!r}; give ")


def test_days_for_versions_that_nobody_keeps_are_named() -> None:
    assert str(DEFAULTS["noncurrentDays"]) == UNUSED_DAYS
    assert found(noncurrentDays=60, uploadsVersioning="true") == []
    (fault,) = found(noncurrentDays=60)

    assert fault.startswith("noncurrentDays: is 60; give 30, the default, or true for uploadsVersioning")
