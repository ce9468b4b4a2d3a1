"""Which AWS services use the key in their own name: of a new key as it is made, of another one as the page says."""

import json
from typing import Any

from ops.build.key_policy import FILE, REGENERATE, document, main, written_out
from tests.service.packaged_service import Package, package
from tests.service.test_access import listed
from tests.service.test_worker_files import TEMPLATE as WORKER

CDN = "arn:aws:cloudfront::ACCOUNT:distribution/"


def documented() -> dict[str, dict[str, Any]]:
    return {each["Sid"]: each for each in json.loads(FILE.read_text(encoding="utf-8"))["Statement"]}


def of_the_new_key(made: Package) -> dict[str, dict[str, Any]]:
    statements = written_out(made.properties("Key")["KeyPolicy"]["Statement"])
    text = json.dumps(statements)
    for name in ("darkroom-prod", "darkroom/prod"):
        text = text.replace(name, name.replace("prod", "STAGE"))
    return {each["Sid"]: each for each in json.loads(text)}


def test_the_file_has_what_the_generator_makes() -> None:
    assert FILE.read_text(encoding="utf-8") == document(), f"run {REGENERATE}"


def test_a_new_key_has_what_the_page_says_for_the_services_and_is_the_accounts(hardened: Package) -> None:
    new, page = of_the_new_key(hardened), documented()

    assert new.pop("ByThePoliciesOfTheAccount") == {
        "Sid": "ByThePoliciesOfTheAccount",
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::ACCOUNT:root"},
        "Action": "kms:*",
        "Resource": "*",
    }
    assert page["Cdn"].pop("Condition") == {"ArnLike": {"aws:SourceArn": f"{CDN}*"}}
    assert new["Cdn"].pop("Condition") == {"ArnLike": {"aws:SourceArn": f"{CDN}${{Cdn}}"}}
    assert new == page


def test_each_service_that_writes_or_reads_in_its_own_name_is_there_and_no_other(hardened: Package) -> None:
    services = {each["Principal"]["Service"]: listed(each["Action"]) for each in documented().values()}
    policies = [each["Properties"]["PolicyDocument"] for each in hardened.of_type("AWS::SQS::QueuePolicy").values()]
    senders = {
        each["Principal"]["Service"] for one in policies for each in one["Statement"] if each["Effect"] == "Allow"
    }

    assert senders == {"s3.amazonaws.com", "events.amazonaws.com"}
    for sender in senders:
        assert services.pop(sender) == ["kms:Decrypt", "kms:GenerateDataKey"]
    assert services == {
        "cloudwatch.amazonaws.com": ["kms:Decrypt", "kms:GenerateDataKey*"],  # alarms
        "cloudfront.amazonaws.com": ["kms:Decrypt"],
        "logs.REGION.amazonaws.com": [
            *("kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"),
        ],
    }


def test_every_service_is_held_to_this_account() -> None:
    conditions = [json.dumps(each["Condition"]) for each in documented().values()]

    assert [each for each in conditions if "ACCOUNT" not in each] == []


def test_every_log_group_is_one_that_the_logs_service_may_encrypt(hardened: Package) -> None:
    arns = documented()["LogGroups"]["Condition"]["ArnLike"]["kms:EncryptionContext:aws:logs:arn"]
    patterns = [each.split(":log-group:")[1].replace("STAGE", "prod") for each in arns]
    names = [each["Properties"]["LogGroupName"] for each in hardened.of_type("AWS::Logs::LogGroup").values()]
    names.append(WORKER["Resources"]["LogGroup"]["Properties"]["LogGroupName"]["Fn::Sub"].replace("${Stage}", "prod"))

    assert len(names) == 6
    assert [name for name in names if not any(fits(name, pattern) for pattern in patterns)] == []


def fits(name: str, pattern: str) -> bool:
    return name.startswith(pattern[:-1]) if pattern.endswith("*") else name == pattern


def test_services_that_have_nothing_to_do_are_not_in_the_policy() -> None:
    by_rules = package("prod", {"kmsKey": "new", "ingest": "eventbridge"}, requirements=False)

    assert set(of_the_new_key(by_rules)) == {
        *("ByThePoliciesOfTheAccount", "LogGroups", "AlarmsToTheTopic", "RulesToTheQueues"),
    }


def test_a_wrong_word_is_refused() -> None:
    assert main(["--wrong"]) == 2
