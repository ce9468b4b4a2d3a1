"""What CloudFormation checks of a template before a deployment: its syntax. moto lints all of it, for 3 seconds."""

import json
from collections.abc import Callable
from typing import Any, Final
from unittest import mock

from moto.cloudformation import models

from ops.local.moto_probes import PLACE
from ops.local.patch import Patch

Validate = Callable[[Any, str], list[Any]]
LINT: Final = "validate_template_cfn_lint"
MINIMAL: Final = {"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}}


def patch() -> Patch:
    """The check of the syntax alone; the tests lint what is packaged."""
    return Patch(
        "a ValidateTemplate that checks the syntax alone",
        lints_nothing,
        replaces=[(models.CloudFormationBackend, "validate_template", of_syntax)],
    )


def lints_nothing() -> bool:
    """Whether moto leaves a template of JSON with resources to its syntax."""
    with mock.patch.object(models, LINT, create=True) as lint:
        models.CloudFormationBackend(*PLACE).validate_template(json.dumps(MINIMAL))
    return not lint.called


def of_syntax(lint: Validate) -> Validate:
    """``CloudFormationBackend.validate_template``, which finds nothing in JSON with resources; moto judges the rest."""

    def validate_template(backend: Any, template: str) -> list[Any]:
        try:
            content = json.loads(template)
        except ValueError:
            return lint(backend, template)
        return [] if isinstance(content, dict) and content.get("Resources") else lint(backend, template)

    return validate_template
