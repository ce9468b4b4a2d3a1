"""Who else may do something here: policies of queues and buckets, trust, encryption. Roles: tests/service/access."""

from collections.abc import Iterator
from typing import Any

from tests.service.packaged_service import Package

TLS_ONLY = {"Bool": {"aws:SecureTransport": False}}


def statements(package: Package) -> Iterator[dict[str, Any]]:
    """Every statement of every policy, wherever it stands in the template."""

    def below(node: object) -> Iterator[dict[str, Any]]:
        if isinstance(node, dict):
            if "Effect" in node:
                yield node
            for child in node.values():
                yield from below(child)
        elif isinstance(node, list):
            for child in node:
                yield from below(child)

    return below(package.template["Resources"])


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def att(logical_id: str) -> dict[str, list[str]]:
    return {"Fn::GetAtt": [logical_id, "Arn"]}


def bucket(kind: str, below: str | None = None) -> dict[str, str]:
    """The ARN of one of the dev stage's two buckets, by its name, or of what is below a prefix in it."""
    arn = f"arn:${{AWS::Partition}}:s3:::darkroom-dev-{kind}-${{AWS::AccountId}}-${{AWS::Region}}"
    return {"Fn::Sub": arn if below is None else f"{arn}/{below}*"}


IMAGES_TABLE = {"Fn::Sub": "arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/darkroom-dev-images"}


def policy(package: Package, logical_id: str) -> list[dict[str, Any]]:
    statement: list[dict[str, Any]] = package.properties(logical_id)["PolicyDocument"]["Statement"]
    return statement


def without_sid(statement: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in statement.items() if key != "Sid"}


def test_the_consumers_role_is_one_of_two(default: Package) -> None:
    assert list(default.of_type("AWS::IAM::Role")) == ["ConsumerRole", "ApiRole"]
    assert default.properties("ConsumerLambdaFunction")["Role"] == {"Fn::Sub": "${ConsumerRole.Arn}"}


def test_only_this_bucket_of_this_account_may_send_to_the_uploads_queue(default: Package, changed: Package) -> None:
    for package, name in (
        (default, "darkroom-dev-uploads-${AWS::AccountId}-${AWS::Region}"),
        (changed, "holiday-originals"),
    ):
        send, tls = policy(package, "UploadsQueuePolicy")

        assert package.properties("UploadsQueuePolicy")["Queues"] == [{"Ref": "UploadsQueue"}]
        assert without_sid(send) == {
            "Effect": "Allow",
            "Principal": {"Service": "s3.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": att("UploadsQueue"),
            "Condition": {
                "ArnEquals": {"aws:SourceArn": {"Fn::Sub": "arn:${AWS::Partition}:s3:::" + name}},
                "StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}},
            },
        }
        assert tls["Effect"] == "Deny"


def test_the_queues_speak_tls_only(default: Package) -> None:
    for queue, name in (("UploadsQueue", "UploadsQueuePolicy"), ("UploadsDlq", "UploadsDlqPolicy")):
        denied = [each for each in policy(default, name) if each["Effect"] == "Deny"]

        assert default.properties(name)["Queues"] == [{"Ref": queue}]
        assert [without_sid(each) for each in denied] == [
            {"Effect": "Deny", "Principal": "*", "Action": "sqs:*", "Resource": att(queue), "Condition": TLS_ONLY}
        ]


def test_the_buckets_speak_tls_only(default: Package) -> None:
    for name in ("UploadsBucket", "VariantsBucket"):
        assert default.properties(f"{name}Policy")["Bucket"] == {"Ref": name}
        assert [without_sid(each) for each in policy(default, f"{name}Policy")] == [
            {
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:*",
                "Resource": [att(name), {"Fn::Sub": f"${{{name}.Arn}}/*"}],
                "Condition": TLS_ONLY,
            }
        ]


def test_every_topic_queue_and_bucket_speaks_tls_only(default: Package, hardened: Package) -> None:
    for package in (default, hardened):
        for kind, named in (("SNS::Topic", "Topics"), ("SQS::Queue", "Queues"), ("S3::Bucket", "Bucket")):
            policies = [each["Properties"] for each in package.of_type(f"AWS::{kind}Policy").values()]
            refusing = [each for each in policies if TLS_ONLY in denials(each)]

            assert {ref["Ref"] for each in refusing for ref in listed(each[named])} == {
                *package.of_type(f"AWS::{kind}")
            }


def denials(document: dict[str, Any]) -> list[dict[str, Any]]:
    """The conditions of what a policy denies to everybody."""
    statement = document["PolicyDocument"]["Statement"]
    return [each["Condition"] for each in statement if (each["Effect"], each["Principal"]) == ("Deny", "*")]


def test_alarms_of_this_account_alone_publish_to_the_topic_of_alarms(default: Package) -> None:
    """The policy replaces SNS's own: without the statement, no alarm would reach anybody."""
    allowed = [each for each in policy(default, "AlarmTopicPolicy") if each["Effect"] == "Allow"]
    alarms = "arn:${AWS::Partition}:cloudwatch:${AWS::Region}:${AWS::AccountId}:alarm:*"

    assert [without_sid(each) for each in allowed] == [
        {
            "Effect": "Allow",
            "Principal": {"Service": "cloudwatch.amazonaws.com"},
            "Action": "sns:Publish",
            "Resource": {"Ref": "AlarmTopic"},
            "Condition": {"ArnLike": {"aws:SourceArn": {"Fn::Sub": alarms}}},
        }
    ]


def test_only_the_uploads_queue_may_bury_its_messages_in_the_dead_letter_queue(default: Package) -> None:
    own = "arn:${AWS::Partition}:sqs:${AWS::Region}:${AWS::AccountId}:"

    assert default.properties("UploadsDlq")["RedriveAllowPolicy"] == {
        "redrivePermission": "byQueue",
        "sourceQueueArns": [{"Fn::Sub": own + default.properties("UploadsQueue")["QueueName"]}],
    }


def test_every_bucket_is_closed_to_the_public_and_encrypted(default: Package) -> None:
    buckets = default.of_type("AWS::S3::Bucket")

    assert set(buckets) == {"UploadsBucket", "VariantsBucket", "ServerlessDeploymentBucket"}
    for each in buckets.values():
        closed = each["Properties"]["PublicAccessBlockConfiguration"]
        assert closed == {
            "BlockPublicAcls": True,
            "BlockPublicPolicy": True,
            "IgnorePublicAcls": True,
            "RestrictPublicBuckets": True,
        }
        assert each["Properties"]["BucketEncryption"] == {
            "ServerSideEncryptionConfiguration": [{"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
        }


def test_acls_open_nothing_in_the_two_buckets_of_pictures(default: Package) -> None:
    for name in ("UploadsBucket", "VariantsBucket"):
        assert default.properties(name)["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}


def test_every_queue_is_encrypted(default: Package) -> None:
    queues = default.of_type("AWS::SQS::Queue")

    assert set(queues) == {"UploadsQueue", "UploadsDlq"}
    assert [queue["Properties"]["SqsManagedSseEnabled"] for queue in queues.values()] == [True, True]
