"""The managed policy of operators; tests/service/access has what it allows."""

import json
import re

from tests.service.access.rights import actions_in, statements_of
from tests.service.packaged_service import Package

LARGEST = 6144  # characters of a managed policy, without white space


def test_the_policy_has_a_name_of_its_own_in_each_region_and_an_output(default: Package) -> None:
    properties = default.properties("OperatorPolicy")

    assert properties["ManagedPolicyName"] == {"Fn::Sub": "darkroom-dev-operator-${AWS::Region}"}
    assert default.template["Outputs"]["OperatorPolicyArn"]["Value"] == {"Ref": "OperatorPolicy"}
    assert not properties.keys() & {"Users", "Groups", "Roles"}  # nobody has it until somebody attaches it


def test_the_policy_is_not_too_long_for_iam(default: Package) -> None:
    document = json.dumps(default.properties("OperatorPolicy")["PolicyDocument"], separators=(",", ":"))

    assert len(document) < 0.7 * LARGEST  # the references become longer names


ADVISED = {
    "logs tail": "logs:FilterLogEvents",
    "sqs get-queue-url": "sqs:GetQueueUrl",
    "sqs receive-message": "sqs:ReceiveMessage",
}
"""The commands of AWS that alarms advise, and what they need; tests/service/access has the resources."""


def test_an_operator_may_run_the_commands_of_aws_that_alarms_advise(hardened: Package) -> None:
    alarms = hardened.of_type("AWS::CloudWatch::Alarm").values()
    advised = {
        command
        for alarm in alarms
        for command in re.findall(r"\baws ([a-z0-9]+ [a-z-]+)", alarm["Properties"]["AlarmDescription"])
    }

    assert advised == ADVISED.keys()
    assert {*ADVISED.values()} <= actions_in(statements_of(hardened, "OperatorPolicy"))
