"""Where a stage is: its name, its region and partition, and the words for account, region and partition."""

from typing import Any

import botocore.session
import pytest

from ops.build.check import faults
from ops.build.places import ARNS, PLACED, faults_of_place, partition_of, placed
from ops.build.rules import RULES
from tests.service.test_check import DEFAULTS, RECIPE, found

ACCOUNT = "123456789012"
ID = "11112222-3333-4444-5555-666677778888"
LONGEST = "s" * 15
WRITTEN = {
    "userPoolArn": "arn:PARTITION:cognito-idp:REGION:ACCOUNT:userpool/eu-west-1_Example",
    "cdnCertificate": f"arn:PARTITION:acm:us-east-1:ACCOUNT:certificate/{ID}",
    "kmsKey": f"arn:PARTITION:kms:REGION:ACCOUNT:key/{ID}",
    "webAclArn": f"arn:PARTITION:wafv2:REGION:ACCOUNT:regional/webacl/photos/{ID}",
    "cdnWebAclArn": f"arn:PARTITION:wafv2:us-east-1:ACCOUNT:global/webacl/photos/{ID}",
    "permissionsBoundary": "arn:PARTITION:iam::ACCOUNT:policy/path/boundary",
}
BESIDE: dict[str, dict[str, Any]] = {
    "userPoolArn": {"authorizer": "jwt"},
    "cdnCertificate": {"cdn": True, "cdnAlias": "pictures.example.com"},
    "cdnWebAclArn": {"cdn": True},
}
"""What belongs to some of them."""


def written(name: str, partition: str, region: str, account: str) -> dict[str, Any]:
    """An ARN of this partition, region and account, with what belongs to it."""
    text = WRITTEN[name].replace("PARTITION", partition).replace("REGION", region).replace("ACCOUNT", account)
    return {name: text, **BESIDE.get(name, {})}


@pytest.mark.parametrize("name", ARNS)
def test_an_arn_may_have_the_words_for_partition_region_and_account(name: str) -> None:
    assert found(**written(name, "${AWS::Partition}", "${AWS::Region}", "${AWS::AccountId}")) == []
    (fault,) = found(**written(name, "aws", "eu-west-1", "${AWS::StackName}"))
    assert fault.startswith(f"{name}: is ")
    assert "${AWS::StackName}" in fault


@pytest.mark.parametrize("name", ARNS)
def test_an_arn_of_another_partition_is_refused(name: str) -> None:
    assert found(**written(name, "aws", "eu-west-1", ACCOUNT)) == []
    assert found(**written(name, "aws-cn", "eu-west-1", ACCOUNT)) == [
        f"{name}: is in the partition aws-cn; give one in aws, where the stage is"
    ]


@pytest.mark.parametrize("name", sorted(set(RULES) - set(PLACED)))
def test_where_the_template_would_have_the_word_itself_it_is_refused(name: str) -> None:
    for value in ("${AWS::AccountId}", "a${AWS::AccountId}/", "a=${AWS::AccountId}", "${AWS::Region}@a.example.com"):
        assert RULES[name](placed({name: value}, region="eu-west-1")[name])


def test_a_partition_follows_from_the_region_as_aws_says() -> None:
    for partition in botocore.session.get_session().get_data("partitions")["partitions"]:
        for region in (each for each in partition["regions"] if not each.endswith("-global")):
            assert partition_of(region) == partition["id"]
            assert list(faults_of_place(LONGEST, region)) == []
            for purpose in ("uploads", "variants", "logs"):
                name = f"darkroom-{LONGEST}-{purpose}-${{AWS::AccountId}}-${{AWS::Region}}"
                assert not RULES["uploadsBucket"](placed({"uploadsBucket": name}, region=region)["uploadsBucket"])


@pytest.mark.parametrize("region", ["eu-west1", "eu-west", "EU-WEST-1", "eu west 1", "europe-west-1", ""])
def test_what_is_no_region_is_refused(region: str) -> None:
    (fault,) = faults(DEFAULTS, stage="prod", region=region, recipe_text=RECIPE)

    assert fault.startswith(f"region: is {region!r}; give one such as eu-west-1")


@pytest.mark.parametrize("stage", ["Prod", "a" * 16, "-a", "a-", "a_b", "a.b", ""])
def test_a_stage_has_a_name_of_which_the_names_of_buckets_can_be_made(stage: str) -> None:
    (fault,) = faults(DEFAULTS, stage=stage, region="eu-west-1", recipe_text=RECIPE)

    assert fault.startswith(f"stage: is {stage!r}; give at most 15 lowercase letters, digits and hyphens")


def test_the_cdn_is_refused_where_there_is_none() -> None:
    for region in ("cn-north-1", "us-gov-west-1"):
        (fault,) = faults(DEFAULTS | {"cdn": True}, stage="prod", region=region, recipe_text=RECIPE)
        assert fault.startswith(f"cdn: is true; give false in {region}: ")
