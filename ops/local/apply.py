"""The parts of a deployed template that moto answers CREATE_COMPLETE for and leaves out, applied through the API."""

import json
from collections.abc import Callable
from typing import Any

from ops.local.errors import StackError
from ops.local.template import Template

Client = Callable[[str], Any]

LEFT_OUT = {
    "AWS::S3::BucketPolicy": "TLS only, and the emulator speaks plain HTTP; moto reads no conditions and refuses all",
    "AWS::CloudFront::Distribution": "nothing stands in front of the bucket on this machine",
    "AWS::CloudFront::OriginAccessControl": "as above",
    "AWS::ApiGateway::Method": "API Gateway is played by a server of ours, which asks for the key itself",
    "AWS::ApiGateway::Deployment": "as above",
    "AWS::ApiGateway::GatewayResponse": "as above",
    "AWS::ApiGateway::Authorizer": "as above",
    "AWS::ApiGateway::ApiKey": "as above",
    "AWS::ApiGateway::UsagePlan": "as above",
    "AWS::ApiGateway::UsagePlanKey": "as above",
    "AWS::Lambda::Permission": "that server may call the function",
}
"""Resources that stay away from the local stack on purpose, and why.

So do three properties: a queue's RedriveAllowPolicy (moto forgets it), a bucket's LifecycleConfiguration (moto never
acts on one) and CorsConfiguration (moto's server allows every origin).
"""


def apply(template: Template, client: Client) -> None:
    """Bring the deployed resources to what the template says.

    Raises:
        StackError: the template has a resource that moto did not make and nobody decided about.
    """
    appliers = {  # in this order: the queue's policy stands before S3 is told to notify it
        "AWS::SQS::QueuePolicy": _queue_policy,
        "AWS::S3::Bucket": _bucket,
        "AWS::CloudWatch::Alarm": _alarm,
    }
    unknown = {name: kind for name, kind in template.missing().items() if kind not in appliers | LEFT_OUT}
    if unknown:
        raise StackError(
            "the emulator left out "
            + ", ".join(f"{name} ({kind})" for name, kind in unknown.items())
            + ": teach it to ops/local/apply.py, or name it there in LEFT_OUT with the reason"
        )
    for kind, applier in appliers.items():
        for logical, properties in template.resources(kind):
            applier(template.physical.get(logical, ""), properties, client)


def _queue_policy(_name: str, properties: dict[str, Any], client: Client) -> None:
    for url in properties["Queues"]:
        policy = json.dumps(properties["PolicyDocument"])
        client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})


def _bucket(name: str, properties: dict[str, Any], client: Client) -> None:
    s3 = client("s3")
    if private := properties.get("PublicAccessBlockConfiguration"):
        s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=private)
    if owner := properties.get("OwnershipControls"):
        s3.put_bucket_ownership_controls(Bucket=name, OwnershipControls=owner)
    if notifications := properties.get("NotificationConfiguration"):
        s3.put_bucket_notification_configuration(Bucket=name, NotificationConfiguration=_notifications(notifications))


def _notifications(configuration: dict[str, Any]) -> dict[str, Any]:
    """CloudFormation's form of a notification configuration in the API's words."""
    applied: dict[str, Any] = {}
    for kind, target, arn in (
        ("QueueConfigurations", "Queue", "QueueArn"),
        ("TopicConfigurations", "Topic", "TopicArn"),
    ):
        for entry in configuration.get(kind, []):
            translated = {arn: entry[target], "Events": [entry["Event"]]}
            if "Filter" in entry:
                translated["Filter"] = {"Key": {"FilterRules": entry["Filter"]["S3Key"]["Rules"]}}
            applied.setdefault(kind, []).append(translated)
    if configuration.get("EventBridgeConfiguration", {}).get("EventBridgeEnabled"):
        applied["EventBridgeConfiguration"] = {}
    return applied


def _alarm(_name: str, properties: dict[str, Any], client: Client) -> None:
    client("cloudwatch").put_metric_alarm(**properties)
