"""What a deployment would change, in the words of `npm run deploy -- --dry-run`."""

from typing import Any

from ops.build import replacing
from ops.build.difference import REPLACING, difference, report
from ops.build.replacing import REGENERATE, main

TABLE = "AWS::DynamoDB::Table"


def package(resources: dict[str, Any], outputs: dict[str, Any] | None = None, **tags: str) -> dict[str, Any]:
    return {"template": {"Resources": resources, "Outputs": outputs or {}}, "tags": tags, "status": "UPDATE_COMPLETE"}


def resource(kind: str, **properties: Any) -> dict[str, Any]:
    return {"Type": kind, "Properties": properties}


def lines(before: dict[str, Any] | None, after: dict[str, Any]) -> list[str]:
    return list(difference(before, after))


def test_what_is_the_same_is_not_said() -> None:
    stack = package({"Queue": resource("AWS::SQS::Queue", QueueName="a")}, STAGE="prod")

    assert lines(stack, stack) == []
    assert report("darkroom-prod in eu-west-1", stack, stack) == [
        "The stack darkroom-prod in eu-west-1 is UPDATE_COMPLETE.",
        "No changes. Nothing was deployed.",
    ]


def test_without_a_stack_everything_is_new() -> None:
    assert report("darkroom-prod in eu-west-1", None, package({"Queue": resource("AWS::SQS::Queue")})) == [
        "The stack darkroom-prod in eu-west-1 does not exist: everything is new.",
        "+ Queue (AWS::SQS::Queue)",
        "1 changes. Nothing was deployed.",
    ]


def test_each_property_that_changes_is_named_with_both_values() -> None:
    before = resource("AWS::SQS::Queue", SqsManagedSseEnabled=True, RedrivePolicy={"maxReceiveCount": 5})
    after = resource("AWS::SQS::Queue", KmsMasterKeyId="new", RedrivePolicy={"maxReceiveCount": 8})

    assert lines(package({"Queue": before}), package({"Queue": after})) == [
        "~ Queue (AWS::SQS::Queue)",
        "    - Properties.SqsManagedSseEnabled: true",
        "    ~ Properties.RedrivePolicy.maxReceiveCount: 5 -> 8",
        '    + Properties.KmsMasterKeyId: "new"',
    ]


def test_statements_are_told_apart_by_their_names() -> None:
    def role(*sids: str) -> dict[str, Any]:
        return resource("AWS::IAM::Role", Statement=[{"Sid": sid, "Effect": "Allow"} for sid in sids])

    assert lines(package({"Role": role("A", "B")}), package({"Role": role("B", "C")})) == [
        "~ Role (AWS::IAM::Role)",
        '    - Properties.Statement.A: {"Sid": "A", "Effect": "Allow"}',
        '    + Properties.Statement.C: {"Sid": "C", "Effect": "Allow"}',
    ]


def test_a_resource_that_is_made_anew_is_said_with_what_becomes_of_the_old_one() -> None:
    for policy, fate in (("Retain", "what is there stays, without the stack"), (None, "what is there is deleted")):
        before = resource(TABLE, TableName="images") | ({"UpdateReplacePolicy": policy} if policy else {})
        after = before | {"Properties": {"TableName": "pictures"}}

        assert lines(package({"Table": before}), package({"Table": after})) == [
            f"! Table ({TABLE}) is made anew if TableName gets another value; of the old one, {fate}",
            '    ~ Properties.TableName: "images" -> "pictures"',
        ]


def test_a_resource_that_goes_is_said_with_what_becomes_of_it() -> None:
    kept = resource("AWS::S3::Bucket") | {"DeletionPolicy": "RetainExceptOnCreate"}

    assert lines(package({"Bucket": kept, "Topic": resource("AWS::SNS::Topic")}), package({})) == [
        "- Bucket (AWS::S3::Bucket): what is there stays, without the stack",
        "- Topic (AWS::SNS::Topic): what is there is deleted",
    ]


def test_outputs_and_tags_are_compared_too() -> None:
    before = package({}, {"Url": {"Value": "a"}}, STAGE="prod")
    after = package({}, {"Url": {"Value": "b"}}, STAGE="prod", team="photos")

    assert lines(before, after) == ['~ Url.Value: "a" -> "b" (output)', '+ team: "photos" (tag)']


def test_a_reference_is_compared_as_a_whole() -> None:
    before, after = (resource("AWS::SNS::Topic", Key=value) for value in ({"Ref": "A"}, {"Fn::Sub": "b"}))

    assert lines(package({"Topic": before}), package({"Topic": after})) == [
        "~ Topic (AWS::SNS::Topic)",
        '    ~ Properties.Key: {"Ref": "A"} -> {"Fn::Sub": "b"}',
    ]


def test_what_differs_between_any_two_packages_is_no_change() -> None:
    def deployment(number: int) -> dict[str, Any]:
        return package(
            {
                f"Deployment{number}": {"Type": "AWS::ApiGateway::Deployment", "Properties": {}},
                "Stage": resource("AWS::ApiGateway::Stage", DeploymentId={"Ref": f"Deployment{number}"}),
                "Function": resource("AWS::Lambda::Function", Code={"S3Key": f"{number}/darkroom.zip"}),
            }
        )

    assert lines(deployment(1), deployment(2)) == []


def test_the_list_of_what_cannot_be_updated_is_aws_own() -> None:
    assert REPLACING.read_text(encoding="utf-8") == replacing.replacing(), f"run {REGENERATE}"


def test_a_wrong_word_is_refused() -> None:
    assert main(["--wrong"]) == 2
