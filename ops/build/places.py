"""Where a stage is: its name, its region and partition, and the words that stand for them in parameters."""

import re
from collections.abc import Iterator, Mapping

ARNS = ("userPoolArn", "cdnCertificate", "kmsKey", "webAclArn", "cdnWebAclArn", "permissionsBoundary")
BUCKETS = ("uploadsBucket", "variantsBucket", "accessLogs")
PLACED = (*ARNS, *BUCKETS)
"""Parameters that become Fn::Sub in the template (resources/derived.cjs); in all others the words stay as they are."""

IN_REGION = ("kmsKey", "webAclArn")
ANY_ACCOUNT = "0" * 12
"""Where the account is not known: every account's number has twelve digits, and none has this one."""

PARTITIONS = {
    "cn-": "aws-cn",
    "us-gov-": "aws-us-gov",
    "us-iso-": "aws-iso",
    "us-isob-": "aws-iso-b",
    "eu-isoe-": "aws-iso-e",
    "us-isof-": "aws-iso-f",
    "eusc-": "aws-eusc",
}
"""By the beginning of a region's name; all others are in the partition aws."""


def partition_of(region: str) -> str:
    """The partition of a region."""
    return next((each for start, each in PARTITIONS.items() if region.startswith(start)), "aws")


def placed(parameters: Mapping[str, object], *, region: str, account: str = ANY_ACCOUNT) -> dict[str, object]:
    """The parameters with account, region and partition filled in where the template does it."""
    words = {"AccountId": account, "Region": region, "Partition": partition_of(region)}

    def filled(value: object) -> object:
        for word, stands_for in words.items():
            value = value.replace(f"${{AWS::{word}}}", stands_for) if isinstance(value, str) else value
        return value

    return {name: filled(value) if name in PLACED else value for name, value in parameters.items()}


def is_same(name: str, other: str) -> bool:
    """Whether two names, filled in by ``placed``, can be the same in some account."""
    pairs = ((name, other), (other, name))
    return any(re.fullmatch(re.escape(one).replace(ANY_ACCOUNT, r"\d{12}"), two) for one, two in pairs)


def faults_of_place(stage: str, region: str) -> Iterator[str]:
    """What no stage or region can be called."""
    if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,13}[a-z0-9])?", stage):
        yield (
            f"stage: is {stage!r}; give at most 15 lowercase letters, digits and hyphens with --stage, "
            "because bucket names contain it"
        )
    if not re.fullmatch(r"[a-z]{2,4}(-[a-z]+){1,2}-\d{1,2}", region):
        yield f"region: is {region!r}; give one such as eu-west-1 with --region, in AWS_REGION or in your profile"


def faults_of_arns(text: Mapping[str, str], region: str) -> Iterator[str]:
    """What must be where the stage is."""
    here = partition_of(region)
    for name in ARNS:
        _, partition, _, at, *_ = [*text.get(name, "").split(":"), *[""] * 4]
        if partition and partition != here:
            yield f"{name}: is in the partition {partition}; give one in {here}, where the stage is"
        elif partition and name in IN_REGION and at != region:
            yield f"{name}: is in {at}; give one in {region}, where the stage is"
