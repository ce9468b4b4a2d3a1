"""The receivers of docs/events.md, deployed to the emulator as somebody deploys them beside a stage."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

PAGE = (Path(__file__).parents[1] / "docs" / "events.md").read_text(encoding="utf-8")
SECTIONS = [section.partition("\n") for section in PAGE.split("\n### ")[1:]]
RECEIVERS = {title: text.split("```yaml\n")[1].split("```")[0] for title, _, text in SECTIONS}
"""The template of each, by its heading."""

SECRET = "a long secret"
SECRET_HEADER = "x-darkroom-key"


class Receiver:
    """One of them, on a bus.

    The state machine is a standard one here: of an express one, AWS lists no executions.

    Args:
        client: gives the emulator's boto3 client for a service.
        kind: its heading on the page.
        name: of the stack.
        parameters: of the template; the webhook's secret is made beside it.
    """

    def __init__(self, client: Callable[[str], Any], kind: str, name: str, **parameters: str) -> None:
        self._client = client
        if kind == "Webhook":
            client("secretsmanager").create_secret(Name=name, SecretString=SECRET)
            parameters["Secret"] = name
        cloudformation = client("cloudformation")
        cloudformation.create_stack(
            StackName=name,
            TemplateBody=RECEIVERS[kind].replace("StateMachineType: EXPRESS", "StateMachineType: STANDARD"),
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
            Capabilities=["CAPABILITY_IAM"],
        )
        made = cloudformation.describe_stack_resources(StackName=name)["StackResources"]
        self.resources: dict[str, str] = {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in made}

    def messages(self, queue: str = "Queue") -> list[dict[str, Any]]:
        """The bodies of what is in one of its queues."""
        return received(self._client("sqs"), self.resources[queue])

    def executions(self) -> list[tuple[str, Any]]:
        """Status and output of each execution of its state machine that has ended, the oldest first."""
        states, machine = self._client("stepfunctions"), self.resources["Machine"]
        listed = states.list_executions(stateMachineArn=machine)["executions"]
        found = [states.describe_execution(executionArn=each["executionArn"]) for each in reversed(listed)]
        return [(each["status"], json.loads(each["output"])) for each in found if each["status"] != "RUNNING"]

    def delete(self) -> None:
        """Delete the stack."""
        self._client("cloudformation").delete_stack(StackName=self.resources["Rule"].partition("-Rule-")[0])


def received(sqs: Any, url: str) -> list[dict[str, Any]]:
    """The bodies of what is in a queue, which is deleted from it."""
    messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    for message in messages:
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return [json.loads(message["Body"]) for message in messages]
