"""Faults of the caller and the account, which moto has none of: told by a scripted server in front of the stack."""

import dataclasses
import time
from email.utils import formatdate
from urllib.parse import unquote

import pytest
from typer.testing import CliRunner

from ops.build.permissions import NEEDS
from ops.cli.doctor.checkup import Checkup
from ops.cli.main import make_app
from tests.ops.cli.doctor.conftest import ROLE, before, error, found, identity
from tests.ops.cli.doctor.scripted_aws import Told

SETTINGS = "GET /2016-08-19/account-settings"


def limits(total, unreserved=None):
    return {
        "AccountLimit": {
            "ConcurrentExecutions": total,
            "UnreservedConcurrentExecutions": total if unreserved is None else unreserved,
        }
    }


def simulated(denied=()):
    """IAM's answer to a simulation."""

    def answer(asked):
        names = [values[0] for name, values in asked.form.items() if name.startswith("ActionNames.")]
        results = "".join(
            f"<member><EvalActionName>{name}</EvalActionName><EvalDecision>"
            f"{'implicitDeny' if name in denied else 'allowed'}</EvalDecision></member>"
            for name in names
        )
        return Told(
            200,
            "<SimulatePrincipalPolicyResponse><SimulatePrincipalPolicyResult><IsTruncated>false</IsTruncated>"
            f"<EvaluationResults>{results}</EvaluationResults>"
            "</SimulatePrincipalPolicyResult></SimulatePrincipalPolicyResponse>",
        )

    return answer


def recorded(asked, denied=()):
    """The same, and every request is kept in a list."""

    def answer(request):
        asked.append(request.form)
        return simulated(denied)(request)

    return answer


@pytest.fixture
def session(aws):
    """A role's session, whose role has a path."""
    aws.says("GetCallerIdentity", 200, identity())
    role = f"<Role><Arn>{ROLE}</Arn><RoleName>deployer</RoleName></Role>"
    aws.says("GetRole", 200, f"<GetRoleResponse><GetRoleResult>{role}</GetRoleResult></GetRoleResponse>")
    return aws


@pytest.fixture
def undeployed(session, client):
    """A stage that is to be deployed."""
    return Checkup("fresh", "eu-west-1", client)


@pytest.fixture
def doctor(aws):
    return lambda *words: CliRunner().invoke(make_app(), ["doctor", *words])


def test_refused_credentials_fail_and_nothing_else_is_tried(aws, doctor):
    aws.says("GetCallerIdentity", 403, error("ExpiredToken"))

    result = doctor("--stage", "local")

    assert result.exit_code == 1
    rows = [[cell.strip() for cell in line.split(maxsplit=2)] for line in result.stdout.splitlines()]
    assert ["credentials", "fail", "refused by STS: ExpiredToken > Log in again."] in rows
    assert ["stack", "skipped"] in [row[:2] for row in rows]  # it may be deployed
    assert result.stdout.rstrip().endswith("not without the above")


def test_a_session_of_sso_that_has_ended_is_a_login_and_no_fault_of_the_network(tmp_path, monkeypatch, doctor):
    (tmp_path / "config").write_text(
        "[profile dead]\nregion = eu-west-1\nsso_session = work\nsso_account_id = 123456789012\nsso_role_name = ops\n"
        "[sso-session work]\nsso_region = eu-west-1\nsso_start_url = https://example.awsapps.com/start\n"
    )
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))

    result = doctor("--stage", "prod", "--profile", "dead")

    assert result.exit_code == 1
    assert "the AWS credentials cannot be used: " in result.stdout
    assert "Log in again (aws sso login" in result.stdout
    assert "network" not in result.stdout


def test_the_root_user_is_warned_of(aws, scripted):
    aws.says("GetCallerIdentity", 200, identity("arn:aws:iam::123456789012:root"))

    status, text = found(scripted, "credentials")

    assert (status, "123456789012" in text) == ("warn", False)


@pytest.mark.parametrize(("seconds", "expected"), [(30, "ok"), (-120, "warn"), (400, "fail"), (-900, "fail")])
def test_a_clock_that_is_off_is_found(aws, scripted, seconds, expected):
    aws.says("GetCallerIdentity", 200, identity(), Date=formatdate(time.time() - seconds, usegmt=True))

    assert found(scripted, "clock")[0] == expected


def test_the_clock_is_read_in_a_refusal_too(aws, scripted):
    date = formatdate(time.time() + 900, usegmt=True)
    aws.says("GetCallerIdentity", 403, error("SignatureDoesNotMatch"), Date=date)

    status, text = found(scripted, "clock")

    assert (status, "behind AWS's" in text) == ("fail", True)


def test_a_region_without_the_stack_fails_when_a_deployment_is_expected(doctor):
    result = doctor("--stage", "nowhere", "--after")

    assert result.exit_code == 1
    assert "there is no stack darkroom-nowhere in eu-west-1" in " ".join(result.stdout.split())


def test_a_region_without_the_stack_is_checked_for_what_a_deployment_needs(doctor):
    result = doctor("--stage", "nowhere")

    assert result.exit_code == 0
    assert "darkroom-nowhere is not deployed in eu-west-1" in result.stdout
    assert "free: both buckets, the table, both queues" in result.stdout
    assert "Ready for a deployment" in result.stderr


def test_a_parameter_without_a_value_is_a_usage_error(doctor):
    assert doctor("--stage", "nowhere", "--param", "memory").exit_code == 2


def test_a_parameter_that_packaging_refuses_fails(doctor):
    result = doctor("--stage", "nowhere", "--param", "memory=5")

    assert result.exit_code == 1
    assert "memory: is '5'" in result.stdout


def test_names_that_are_taken_are_named(stack, undeployed):
    undeployed.given = {"uploadsBucket": stack.outputs["UploadsBucket"]}

    status, text = before(undeployed, "names")

    assert status == "fail"
    assert f"bucket {stack.outputs['UploadsBucket']} (yours)" in text
    assert "table" not in text.partition(">")[0]


def test_buckets_that_should_exist_must_be_there(stack, undeployed):
    undeployed.given = {"existing": "both", "uploadsBucket": stack.outputs["UploadsBucket"]}

    status, text = before(undeployed, "names")

    assert status == "fail"
    assert "bucket darkroom-fresh-variants-<account>-eu-west-1 >" in text
    assert stack.outputs["UploadsBucket"] not in text


def test_buckets_that_exist_and_should_are_no_fault(stack, undeployed):
    names = {f"{kind}Bucket": stack.outputs[f"{kind.title()}Bucket"] for kind in ("uploads", "variants")}
    undeployed.given = {"existing": "both"} | names

    assert before(undeployed, "names") == ("ok", "free: both queues > ")


def test_beside_an_uploads_bucket_that_stands_the_variants_bucket_and_the_table_are_made(stack, undeployed):
    undeployed.given = {"existing": "uploads", "uploadsBucket": stack.outputs["UploadsBucket"]}

    assert before(undeployed, "names") == ("ok", "free: the variants bucket, the table, both queues > ")


def test_a_variants_bucket_that_is_taken_is_named_where_only_the_uploads_bucket_should_stand(stack, undeployed):
    names = {f"{kind}Bucket": stack.outputs[f"{kind.title()}Bucket"] for kind in ("uploads", "variants")}
    undeployed.given = {"existing": "uploads"} | names

    status, text = before(undeployed, "names")

    assert status == "fail"
    assert f"taken: bucket {names['variantsBucket']} (yours) >" in text


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ((200, "", {"x-amz-bucket-region": "us-east-1"}), "bucket originals is yours in us-east-1"),
        ((403, "", {}), "bucket originals is not yours to see"),
    ],
)
def test_a_bucket_that_stands_must_be_of_the_stages_account_and_region(session, undeployed, answer, expected):
    undeployed.given = {"existing": "uploads", "uploadsBucket": "originals"}
    status, body, headers = answer
    session.says("HEAD /originals", status, body, **headers)

    assert before(undeployed, "names") == (
        "fail",
        f"{expected} > The buckets of a stage are in its own account and region.",
    )


def test_a_table_and_queues_that_are_left_are_named(session, client):
    status, text = before(Checkup("local", "eu-west-1", client), "names")

    assert status == "fail"
    for name in ("table darkroom-local-images", "queue darkroom-local-uploads", "queue darkroom-local-uploads-dlq"):
        assert name in text


def test_somebody_elses_bucket_is_named(session, undeployed):
    session.says("HEAD /darkroom-fresh-uploads", 403)

    assert before(undeployed, "names")[0] == "fail"


@pytest.mark.parametrize(("total", "expected"), [(10, "warn"), (11, "ok"), (1000, "ok")])
def test_a_quota_that_leaves_nothing_beside_the_consumer_is_warned_of(session, undeployed, total, expected):
    undeployed.given = {"maximumConcurrency": "10"}
    session.says(SETTINGS, 200, limits(total))

    assert before(undeployed, "concurrency")[0] == expected


def test_a_reserved_part_of_the_quota_does_not_count(session, scripted):
    session.says(SETTINGS, 200, limits(1000, 2))

    status, text = found(scripted, "concurrency")

    assert (status, "maximumConcurrency is 2, and the account runs 2 at once (of 1,000" in text) == ("warn", True)


def test_quotas_that_may_not_be_asked_for_are_skipped(session, undeployed):
    message = "User is not authorized to perform: lambda:GetAccountSettings on resource: *"
    session.says(SETTINGS, 403, {"Message": message}, x_amzn_errortype="AccessDeniedException")

    assert before(undeployed, "concurrency") == ("skipped", "no right to lambda:GetAccountSettings > ")


@pytest.mark.parametrize(("memory", "total", "expected"), [(3008, 10, "ok"), (4096, 10, "warn"), (4096, 1000, "ok")])
def test_a_memory_that_a_new_account_does_not_get_is_warned_of(session, undeployed, memory, total, expected):
    undeployed.given = {"memory": str(memory)}
    session.says(SETTINGS, 200, limits(total))

    assert before(undeployed, "memory")[0] == expected


def test_an_action_that_a_deployment_is_denied_fails(session, undeployed):
    session.rules["SimulatePrincipalPolicy"] = simulated({"iam:PassRole"})

    status, text = before(undeployed, "rights")

    assert (status, text.startswith("a deployment is denied: iam:PassRole >")) == ("fail", True)


def test_the_role_is_simulated_by_its_own_arn_and_on_the_names_of_the_stage(session, undeployed):
    asked: list[dict[str, list[str]]] = []
    session.rules["SimulatePrincipalPolicy"] = recorded(asked)

    assert before(undeployed, "rights")[0] == "ok"
    assert {form["PolicySourceArn"][0] for form in asked} == {ROLE}
    resources = [unquote(form["ResourceArns.member.1"][0]) for form in asked]
    assert "arn:aws:s3:::darkroom-fresh-uploads-123456789012-eu-west-1" in resources
    assert "arn:aws:dynamodb:eu-west-1:123456789012:table/darkroom-fresh-images" in resources


@pytest.mark.parametrize(
    ("given", "made"),
    [
        ({}, {"uploads", "variants"}),
        ({"ingest": "eventbridge"}, {"uploads", "variants", "rule"}),
        ({"existing": "uploads", "ingest": "eventbridge"}, {"variants", "rule"}),
        ({"existing": "both"}, set()),
    ],
    ids=["own", "by EventBridge", "an existing bucket by EventBridge", "both existing"],
)
def test_only_what_the_deployment_makes_is_simulated(session, undeployed, given, made):
    asked: list[dict[str, list[str]]] = []
    session.rules["SimulatePrincipalPolicy"] = recorded(asked)
    undeployed.given = given

    before(undeployed, "rights")

    resources = [unquote(form["ResourceArns.member.1"][0]) for form in asked]
    parts = {"uploads": ":s3:::darkroom-fresh-uploads", "variants": ":s3:::darkroom-fresh-variants", "rule": ":rule/"}
    assert {name for name, part in parts.items() if any(part in resource for resource in resources)} == made


def test_an_action_that_an_operator_is_denied_names_the_commands_that_need_it(session, scripted):
    session.rules["SimulatePrincipalPolicy"] = simulated({"sqs:DeleteMessage"})

    status, text = found(scripted, "rights")

    assert status == "warn"
    assert text.startswith(
        "denied: sqs:DeleteMessage; needed by doctor, announce --lost, dlq redrive, dlq redrive --native, dlq purge"
    )


def test_all_that_the_commands_need_is_simulated(session, scripted):
    asked: list[dict[str, list[str]]] = []
    session.rules["SimulatePrincipalPolicy"] = recorded(asked)

    assert found(scripted, "rights")[0] == "ok"
    names = {values[0] for form in asked for name, values in form.items() if name.startswith("ActionNames.")}
    assert names == {need.split()[0] for needs in NEEDS.values() for need in needs}


def test_rights_to_a_bus_are_no_matter_of_a_stage_without_events(session, scripted):
    asked: list[dict[str, list[str]]] = []
    session.rules["SimulatePrincipalPolicy"] = recorded(asked)
    scripted.stage = dataclasses.replace(scripted.deployed, event_bus="")

    assert found(scripted, "rights")[0] == "ok"
    assert "events:PutEvents" not in {value for form in asked for values in form.values() for value in values}


def test_an_action_is_simulated_on_what_a_command_does_it_to(session, scripted):
    asked: list[dict[str, list[str]]] = []
    session.rules["SimulatePrincipalPolicy"] = recorded(asked)

    found(scripted, "rights")

    simulated_on = {
        form["ResourceArns.member.1"][0]: {value for values in form.values() for value in values} for form in asked
    }
    bucket = f"arn:aws:s3:::{scripted.deployed.uploads_bucket}"
    assert {"s3:ListBucket", "s3:GetBucketNotification"} <= simulated_on[bucket]
    assert "s3:PutObject" in simulated_on[f"{bucket}/images/x.jpg"] - simulated_on[bucket]
    assert "s3:DeleteObject" in simulated_on[f"{bucket}/images/_doctor/x.jpg"]
    assert "s3:DeleteObject" not in simulated_on[f"{bucket}/images/x.jpg"]


def test_a_simulation_that_is_denied_is_skipped(session, scripted):
    message = "User: arn:aws:sts::123456789012:assumed-role/deployer/anna is not authorized to perform: "
    session.says("SimulatePrincipalPolicy", 403, error("AccessDenied", f"{message}iam:SimulatePrincipalPolicy on x"))

    assert found(scripted, "rights") == ("skipped", "no right to iam:SimulatePrincipalPolicy > ")


def test_a_role_that_may_not_be_looked_up_is_simulated_without_its_path(session, scripted):
    asked: list[dict[str, list[str]]] = []
    session.says("GetRole", 403, error("AccessDenied"))
    session.rules["SimulatePrincipalPolicy"] = recorded(asked)

    assert found(scripted, "rights")[0] == "ok"
    assert {form["PolicySourceArn"][0] for form in asked} == {"arn:aws:iam::123456789012:role/deployer"}


@pytest.mark.parametrize(
    ("stack_status", "expected"),
    [
        ("UPDATE_COMPLETE", "ok"),
        ("UPDATE_IN_PROGRESS", "warn"),
        ("UPDATE_ROLLBACK_COMPLETE", "warn"),
        ("ROLLBACK_COMPLETE", "fail"),
        ("UPDATE_ROLLBACK_FAILED", "fail"),
    ],
)
def test_how_the_last_deployment_ended_is_reported(checkup, stack_status, expected):
    checkup.stack = {"StackStatus": stack_status}

    assert found(checkup, "stack")[0] == expected
