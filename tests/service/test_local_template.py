"""The local stack can read every template that packaging makes, whatever is switched on."""

import pytest

from ops.local.emulator import ACCOUNT, REGION
from ops.local.template import LEFT_OUT, Template
from tests.service.packaged_service import Package

READ = ("AWS::S3::Bucket", "AWS::CloudWatch::Alarm")
"""The types that the local stack applies itself, after moto; of functions it applies the environment alone."""

OF_A_CDN = "CDN_URL"  # `LocalStack(cdn=True)` plays one; the switch is for AWS alone


@pytest.mark.parametrize("name", ["default", "changed", "hardened"])
def test_what_the_local_stack_reads_is_resolved(name: str, request: pytest.FixtureRequest) -> None:
    package: Package = request.getfixturevalue(name)
    kinds = {id_: each["Type"] for id_, each in package.template["Resources"].items() if each["Type"] not in LEFT_OUT}
    template = Template(package.template, {id_: id_ for id_ in kinds}, account=ACCOUNT, region=REGION)

    for kind in READ:
        assert list(template.resources(kind))
    for function in package.of_type("AWS::Lambda::Function").values():
        variables = function["Properties"]["Environment"]["Variables"]
        assert template.resolve({name: each for name, each in variables.items() if name != OF_A_CDN})
