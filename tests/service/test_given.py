"""What a stage was deployed with is in its outputs, but for what is not for everybody."""

import json

from ops.cli.settings import parameters
from tests.service.packaged_service import package


def test_the_given_parameters_are_told_and_an_address_only_as_given() -> None:
    changed = package("dev", {"alarmEmail": "ops@example.com", "memory": "2048"}, requirements=False)

    outputs = {name: output["Value"] for name, output in changed.template["Outputs"].items()}
    defaults = json.loads(outputs["ParameterDefaults"]["Fn::Sub"])  # the buckets' names have the account's id

    assert json.loads(outputs["Parameters"]) == {"alarmEmail": "(given)", "memory": "2048"}
    assert sorted(defaults) == sorted(parameters())
    assert (defaults["memory"], defaults["events"], defaults["tags"]) == (str(parameters()["memory"]), "false", "")
    assert defaults["uploadsBucket"] == "darkroom-dev-uploads-${AWS::AccountId}-${AWS::Region}"
