"""Each role and policy of the packaged template allows what its holder does, no less and no more, with every switch."""

from typing import Any

import pytest
import yaml

from tests.service.access.arns import ACCOUNT, Resolver
from tests.service.access.changes import with_less, with_more
from tests.service.access.holders import NEEDS_OF, key_needs, needs_in, with_the_doctors
from tests.service.access.needs import needs_of
from tests.service.access.rights import Matrix, Statement, grants_elsewhere, holders, statements_of
from tests.service.packaged_service import PROJECT, Package

HERE_ALONE = {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


def trust(service: str, condition: dict[str, Any] | None = None) -> dict[str, Any]:
    """The trust policy of a role that one service assumes."""
    who = {"Effect": "Allow", "Principal": {"Service": f"{service}.amazonaws.com"}, "Action": "sts:AssumeRole"}
    return {"Version": "2012-10-17", "Statement": [who | ({"Condition": condition} if condition else {})]}


TRUST = {
    **{f"{function}Role": trust("lambda") for function in ("Consumer", "Api", "Announcer", "Eraser")},
    "WorkflowRole": trust("states", HERE_ALONE),
    "WorkflowRuleRole": trust("events", HERE_ALONE),
    "TaskRole": trust("ecs-tasks", HERE_ALONE),
    "ExecutionRole": trust("ecs-tasks", HERE_ALONE),
}
"""Who assumes each role: nobody else, of this account or another. Lambda gives no source."""

TASK_ROLES = ("TaskRole", "ExecutionRole")
BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/boundary"

PACKAGES = ("default", "changed", "hardened", "taken_up", "adopted")


@pytest.fixture(params=PACKAGES)
def each(request: pytest.FixtureRequest) -> Package:
    """The service with its defaults, and with all switches in turn."""
    package: Package = request.getfixturevalue(request.param)
    return package


def test_everybody_may_do_what_they_do_and_nothing_else(each: Package) -> None:
    matrix = Matrix(each)

    found = {name: matrix.faults(statements_of(each, name), needs_in(each, name)) for name in holders(each)}

    assert found == {name: [] for name in found}


def test_every_holder_is_in_some_template(default: Package, hardened: Package) -> None:
    assert {*holders(default)} < {*holders(hardened)} == NEEDS_OF.keys()


def test_no_role_has_rights_by_anything_but_its_own_inline_policy(each: Package) -> None:
    assert grants_elsewhere(each.template) == []


CONSUMER = {"Ref": "ConsumerRole"}
RIGHTS_ELSEWHERE = {
    "AWS::IAM::Policy": {"Roles": [CONSUMER]},
    "AWS::IAM::RolePolicy": {"RoleName": CONSUMER},
    "AWS::IAM::User": {},
    "AWS::IAM::ManagedPolicy": {"Roles": [CONSUMER]},
    "AWS::IAM::Role": {"ManagedPolicyArns": ["arn:aws:iam::aws:policy/AdministratorAccess"]},
}


@pytest.mark.parametrize("kind", RIGHTS_ELSEWHERE)
def test_rights_that_are_given_elsewhere_are_noticed(default: Package, kind: str) -> None:
    more = {"More": {"Type": kind, "Properties": RIGHTS_ELSEWHERE[kind]}}

    assert grants_elsewhere({"Resources": default.template["Resources"] | more}) != []


def test_each_role_is_one_services_alone(each: Package) -> None:
    roles = each.of_type("AWS::IAM::Role")

    found = {name: role["Properties"]["AssumeRolePolicyDocument"] for name, role in roles.items()}

    assert found == {name: TRUST[name] for name in roles}


@pytest.mark.parametrize("change", ["less", "more"])
def test_one_grant_less_and_one_grant_more_are_noticed(default: Package, hardened: Package, change: str) -> None:
    tried = 0
    for package in (default, hardened):
        matrix = Matrix(package)
        for holder in holders(package):
            statements, needs = statements_of(package, holder), needs_in(package, holder)
            changed = with_less(statements) if change == "less" else with_more(statements, matrix.actions)
            for title, others in changed:
                tried += 1
                assert matrix.faults(others, needs), f"{holder}: {title}"
    assert tried > 200


WORKER = yaml.safe_load((PROJECT / "resources" / "worker" / "service.yml").read_text(encoding="utf-8"))


def worker_resources(stage: str, **parameters: str) -> dict[str, Any]:
    """The resources of the container's template, for a stage with the names of its defaults."""
    names = {
        f"{kind}Bucket": f"darkroom-{stage}-{kind.lower()}-{ACCOUNT}-eu-west-1" for kind in ("Uploads", "Variants")
    }
    defaults = {name: str(each["Default"]) for name, each in WORKER["Parameters"].items() if "Default" in each}
    resolver = Resolver(WORKER, {**defaults, **names, "Stage": stage, **parameters})
    return {
        name: resolver.resolve(each)
        for name, each in WORKER["Resources"].items()
        if each["Type"].startswith("AWS::IAM::") or name == "LogGroup"
    }


@pytest.mark.parametrize("removals", [False, True])
def test_the_containers_task_may_do_what_it_does_and_nothing_else(default: Package, removals: bool) -> None:
    resources = worker_resources("dev", Removals=str(removals).lower())
    needs = needs_of("TaskRole", {"removals"} if removals else set())

    assert Matrix(default).faults(of_the_task(resources), with_the_doctors(needs)) == []
    assert [
        name for name, each in resources.items() if {"PermissionsBoundary", "KmsKeyId"} & {*each["Properties"]}
    ] == []


def test_the_containers_task_has_the_consumers_rights_on_the_key_of_its_stage(hardened: Package) -> None:
    key = Resolver(hardened.template).arn("Key")
    resources = worker_resources("prod", KmsKeyArn=key)
    needs = with_the_doctors(needs_of("TaskRole", set())) | key_needs("ConsumerRole")

    assert Matrix(hardened).faults(of_the_task(resources), needs) == []
    assert resources["LogGroup"]["Properties"]["KmsKeyId"] == key


def test_both_roles_of_the_container_have_the_boundary_and_ecs_alone_assumes_them() -> None:
    roles = {
        name: each["Properties"]
        for name, each in worker_resources("prod", PermissionsBoundary=BOUNDARY).items()
        if each["Type"] == "AWS::IAM::Role"
    }

    assert {name: each["PermissionsBoundary"] for name, each in roles.items()} == dict.fromkeys(TASK_ROLES, BOUNDARY)
    assert {name: WORKER["Resources"][name]["Properties"]["AssumeRolePolicyDocument"] for name in roles} == {
        name: TRUST[name] for name in TASK_ROLES
    }


def test_only_ecss_own_role_has_a_policy_that_is_not_in_the_containers_template() -> None:
    (policy,) = WORKER["Resources"]["ExecutionRole"]["Properties"]["ManagedPolicyArns"]

    assert grants_elsewhere(WORKER) == ["ExecutionRole has ManagedPolicyArns"]
    assert policy["Fn::Sub"].endswith(":iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy")
    assert "Policies" not in WORKER["Resources"]["ExecutionRole"]["Properties"]


def of_the_task(resources: dict[str, Any]) -> list[Statement]:
    (policy,) = resources["TaskRole"]["Properties"]["Policies"]
    statements: list[Statement] = policy["PolicyDocument"]["Statement"]
    return statements
