"""What a stage was deployed with is in its outputs, but for what is not for everybody."""

import json

from tests.service.packaged_service import package


def test_the_given_parameters_are_told_and_an_address_only_as_given() -> None:
    changed = package("dev", {"alarmEmail": "ops@example.com", "memory": "2048"}, requirements=False)

    given = json.loads(changed.template["Outputs"]["Parameters"]["Value"])

    assert given == {"alarmEmail": "(given)", "memory": "2048"}
