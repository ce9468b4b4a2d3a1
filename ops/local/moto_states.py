"""State machines that run: those that CloudFormation makes too, with the emulator as the AWS that their tasks ask.

moto runs them by a setting of its own. But then CloudFormation makes them where nobody looks, and reads no
``Definition``, and tasks have keys that the emulator does not know. Of an express machine, moto lists executions, which
AWS does not keep. The interpreter takes a second to import: the first machine does it.
"""

import functools
import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, Final

from moto.core.exceptions import AWSError
from moto.stepfunctions import models, responses
from moto.stepfunctions.models import StateMachine, StepFunctionBackend
from moto.stepfunctions.parser.asl.utils import boto_client

from ops.local.credentials import Credentials
from ops.local.moto_probes import PLACE
from ops.local.patch import Patch

DEFINITION: Final = {"StartAt": "End", "States": {"End": {"Type": "Succeed"}}}
ROLE: Final = f"arn:aws:iam::{PLACE[1]}:role/probe"


class StateMachineTypeNotSupportedError(AWSError):
    """AWS keeps no executions of express machines."""

    TYPE = "StateMachineTypeNotSupported"


class RunningBackends:
    """In place of moto's backends that run nothing: those that do."""

    def __getitem__(self, account: str) -> Any:
        from moto.stepfunctions.parser.models import stepfunctions_parser_backends  # a second

        return stepfunctions_parser_backends[account]


def patches(credentials: Credentials) -> list[Patch]:
    """All of them; ``credentials`` are those that the emulator knows."""
    backends = RunningBackends()
    return [
        Patch(
            "state machines that run, whoever makes them",
            runs_machines,
            replaces=[
                (models, "stepfunctions_backends", lambda _: backends),
                (responses, "get_backend", lambda _: lambda account, region: backends[account][region]),
            ],
        ),
        Patch(
            "tasks that have the emulator's credentials",
            lambda: has_credentials(credentials),
            replaces=[(boto_client, "boto3", lambda _: SimpleNamespace(client=_client_with(credentials)))],
        ),
        Patch(
            "a state machine by CloudFormation with its definition and type",
            reads_definitions,
            replaces=[
                (StateMachine, "create_from_cloudformation_json", _reading_definitions),
                (StateMachine, "update_from_cloudformation_json", _reading_definitions),
                (StateMachine, "has_cfn_attr", lambda has: staticmethod(lambda name: name == "Arn" or has(name))),
                (StateMachine, "get_cfn_attribute", _with_arn),
            ],
        ),
        Patch(
            "no executions of express machines",
            lists_no_express_executions,
            replaces=[(StepFunctionBackend, "list_executions", _of_standard_machines)],
            uses=[(StepFunctionBackend, "describe_state_machine")],
        ),
    ]


def runs_machines() -> bool:
    """Whether machines run that CloudFormation and the API make."""
    region, account = PLACE
    backend = responses.get_backend(account, region)
    return type(backend) is not StepFunctionBackend and models.stepfunctions_backends[account][region] is backend


def has_credentials(credentials: Credentials) -> bool:
    """Whether a task has these."""
    client: Any = boto_client.boto_client_for(PLACE[0], "sts")
    return bool(client._request_signer._credentials.access_key == credentials.access_key)


def reads_definitions() -> bool:
    """Whether CloudFormation makes a machine of a definition that is no text, of the type that it has."""
    properties = {"Definition": DEFINITION, "StateMachineType": "EXPRESS", "RoleArn": ROLE}
    machine: Any = StateMachine.create_from_cloudformation_json("probe", {"Properties": properties}, *PLACE[::-1])
    machine.backend.delete_state_machine(machine.arn)
    return bool(machine.definition and json.loads(machine.definition) == DEFINITION and machine.type == "EXPRESS")


def lists_no_express_executions() -> bool:
    """Whether executions of an express machine are refused."""
    backend = StepFunctionBackend(*PLACE)
    machine = backend.create_state_machine("probe", json.dumps(DEFINITION), ROLE, sm_type="EXPRESS")
    try:
        backend.list_executions(machine.arn)
    except AWSError:
        return True
    return False


def _client_with(credentials: Credentials) -> Callable[..., Any]:
    def client(*, region_name: str, aws_access_key_id: str, aws_secret_access_key: str, **more: Any) -> Any:
        del aws_access_key_id, aws_secret_access_key
        return credentials.session(region_name).client(**more)

    return client


def _reading_definitions(make: Callable[..., Any]) -> Any:
    @functools.wraps(make)
    def made(*args: Any, **kwargs: Any) -> Any:
        (properties,) = [
            each["Properties"] for each in (*args, *kwargs.values()) if isinstance(each, dict) and "Properties" in each
        ]
        if "Definition" in properties:
            properties["DefinitionString"] = json.dumps(properties["Definition"])
        for name, value in properties.get("DefinitionSubstitutions", {}).items():
            properties["DefinitionString"] = properties["DefinitionString"].replace(f"${{{name}}}", str(value))
        machine = make(*args, **kwargs)
        machine.type = properties.get("StateMachineType", "STANDARD")
        return machine

    return staticmethod(made)


def _with_arn(get: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(get)
    def attribute(machine: Any, attribute_name: str) -> Any:
        return machine.arn if attribute_name == "Arn" else get(machine, attribute_name)

    return attribute


def _of_standard_machines(list_executions: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(list_executions)
    def listed(backend: Any, state_machine_arn: str, *args: Any, **kwargs: Any) -> Any:
        if backend.describe_state_machine(state_machine_arn).type == "EXPRESS":
            raise StateMachineTypeNotSupportedError("ListExecutions is not supported for express state machines")
        return list_executions(backend, state_machine_arn, *args, **kwargs)

    return listed
