"""A stage on buckets that already exist: those of a stage that was removed, or that were restored."""

import json
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator

from ops.local.template import Template
from tests.service.packaged_service import Package
from tests.service.test_resources import needed_for

BUCKETS = ("UploadsBucket", "VariantsBucket")


def output(package: Package, name: str) -> dict[str, Any]:
    """A document in the stack's outputs, with its references resolved."""
    physical = {"ApiGatewayRestApi": "abc123", "UploadsQueue": "https://sqs/123456789012/darkroom-prod-uploads"}
    template = Template(package.template, physical, account="123456789012", region="eu-west-1")
    document: dict[str, Any] = json.loads(template.resolve(package.template["Outputs"][name]["Value"]))
    return document


def test_the_template_has_neither_bucket_nor_their_policies(default: Package, taken_up: Package) -> None:
    missing = default.template["Resources"].keys() - taken_up.template["Resources"].keys()

    assert {name for name in missing if not name.startswith("ApiGatewayDeployment")} == {
        *BUCKETS,
        *(f"{name}Policy" for name in BUCKETS),
    }


def test_nothing_refers_to_a_bucket_as_a_resource(taken_up: Package) -> None:
    said = json.dumps(taken_up.template)

    for name in BUCKETS:
        assert f'"Ref": "{name}"' not in said
        assert f"${{{name}." not in said
        assert f'["{name}", "Arn"]' not in said


def test_the_other_resources_know_the_buckets_by_the_same_names(default: Package, taken_up: Package) -> None:
    for name in ("OperatorPolicy", "ApiRole", "UploadsQueuePolicy"):
        with_buckets = json.dumps(default.properties(name)).replace("darkroom-dev", "darkroom-prod")

        assert json.dumps(taken_up.properties(name)) == with_buckets


def test_the_table_stays_a_resource_and_can_be_imported(default: Package, taken_up: Package) -> None:
    """CloudFormation imports a resource only with a deletion policy; its properties must be those that it has."""
    renamed = default.properties("ImagesTable") | {"TableName": "darkroom-prod-images"}

    assert taken_up.properties("ImagesTable") == renamed
    assert "DeletionPolicy" in taken_up.template["Resources"]["ImagesTable"]
    assert not needed_for({"ImagesTable": {"Properties": renamed}}, "ImagesTable")


@pytest.mark.parametrize("which", ["default", "taken_up"])
def test_the_owner_sets_on_the_bucket_what_the_stack_would_set(which: str, request: pytest.FixtureRequest) -> None:
    package: Package = request.getfixturevalue(which)

    named = {"UploadsBucketNotification", "UploadsBucketCors"} & package.template["Outputs"].keys()

    assert bool(named) is (which == "taken_up")


def test_the_notification_in_the_outputs_is_the_one_of_the_bucket(taken_up: Package) -> None:
    document = output(taken_up, "UploadsBucketNotification")

    assert document == {
        "QueueConfigurations": [
            {
                "Id": "darkroom",
                "QueueArn": "arn:aws:sqs:eu-west-1:123456789012:darkroom-prod-uploads",
                "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*", "s3:LifecycleExpiration:*"],
                "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": "images/"}]}},
            }
        ]
    }
    assert faults("PutBucketNotificationConfiguration", "NotificationConfiguration", document) == ""


def test_the_cors_rules_in_the_outputs_are_those_of_the_bucket(taken_up: Package) -> None:
    document = output(taken_up, "UploadsBucketCors")

    (rule,) = document["CORSRules"]
    assert rule["AllowedOrigins"] == ["https://abc123.execute-api.eu-west-1.amazonaws.com"]
    assert (rule["AllowedMethods"], rule["AllowedHeaders"]) == (["POST"], ["*"])
    assert faults("PutBucketCors", "CORSConfiguration", document) == ""


def test_an_output_is_not_longer_than_cloudformation_allows(taken_up: Package) -> None:
    for name in ("UploadsBucketNotification", "UploadsBucketCors"):
        assert len(json.dumps(output(taken_up, name))) < 1024


def faults(operation: str, member: str, document: dict[str, Any]) -> str:
    """What S3's own model finds wrong with a document."""
    model = botocore.session.Session().get_service_model("s3").operation_model(operation)
    assert model.input_shape is not None
    return str(ParamValidator().validate(document, model.input_shape.members[member]).generate_report())
