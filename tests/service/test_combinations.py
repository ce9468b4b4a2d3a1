"""What the parameters for storage, keys and networks may be, each by itself and together."""

import pytest

from tests.service.conftest import HARDENED, OWN
from tests.service.test_check import found

ACCOUNT = "123456789012"
ACL = f"arn:aws:wafv2:eu-west-1:{ACCOUNT}:regional/webacl/photos/1234-abcd"
CDN_ACL = f"arn:aws:wafv2:us-east-1:{ACCOUNT}:global/webacl/photos/1234-abcd"


def test_all_of_it_together_has_no_fault() -> None:
    assert found(**HARDENED) == []
    assert found(**OWN) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("kmsKey", "alias/photos"),
        ("kmsKey", f"arn:aws:kms:eu-west-1:{ACCOUNT}:alias/photos"),
        ("kmsKey", "aws/s3"),
        ("accessLogs", "Logs"),
        ("accessLogs", "my.logs"),
        ("webAclArn", CDN_ACL),
        ("cdnWebAclArn", ACL),
        ("permissionsBoundary", "boundary"),
        ("permissionsBoundary", f"arn:aws:iam::{ACCOUNT}:role/boundary"),
        ("tags", "team"),
        ("tags", "team=photos;cost-center=42"),
        ("tags", "aws:team=photos"),
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

    assert fault.startswith("accessLogs: is 'new'; give '': existing is both")
    assert found(existing="uploads", accessLogs="new") == []  # of the variants bucket


@pytest.mark.parametrize("bucket", ["originals", "variants"])
def test_a_bucket_that_would_log_itself_is_refused(bucket: str) -> None:
    (fault,) = found(accessLogs=bucket)

    assert fault.startswith(f"accessLogs: is {bucket!r}; give another bucket")


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
    [("kmsKey", f"arn:aws:kms:eu-central-1:{ACCOUNT}:key/1234"), ("webAclArn", ACL.replace("west", "central"))],
)
def test_a_key_and_a_web_acl_are_in_the_stages_region(name: str, arn: str) -> None:
    (fault,) = found(**{name: arn})

    assert fault == f"{name}: is in eu-central-1; give one in eu-west-1, where the stage is"


def test_the_cdns_web_acl_needs_the_cdn() -> None:
    (fault,) = found(cdnWebAclArn=CDN_ACL)

    assert fault.startswith("cdnWebAclArn: is for the CDN; give '', or true for cdn")


def test_a_tag_has_one_value() -> None:
    assert found(tags="team=a, team=b") == ["tags: has 'team' more than once; name each key once"]
    assert found(tags="url=https://a.example.com/?b=c") != []  # no question mark in a tag
    assert found(tags="contact=a@example.com, path=/a/b=c") == []
