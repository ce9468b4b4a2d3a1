"""Packaging happens when something has changed, and a failure says what to do."""

import os
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import PurePosixPath

import pytest

from ops.errors import StackError
from ops.local.deployment import KEPT, SOURCES, TEMPLATE, Deployment
from ops.local.emulator import PROJECT
from tests.ops.local.fake_node import fake_node
from tests.ops.local.test_claims import until_it_waits

PACKAGING = """#!/bin/sh
shift
echo "$@" >> CALLS
env > "CALLS-environ-$1"
if [ "$1" = package ]; then
  mkdir -p packaged/requirements && echo '{"Resources": {}}' > packaged/TEMPLATE && pwd > packaged/darkroom.zip
else
  cat packaged/darkroom.zip >> CALLS-deployed
fi
"""
CHANGES = [
    "serverless.yml",
    "recipe.toml",
    "package-lock.json",
    "requirements.txt",
    "handlers/consumer.py",
    "processing/imaging/steps.py",
    "resources/queue.yml",
    "logos/mark.png",
    "ops/build/check.py",
    "ops/build/places.py",
    "ops/build/rules.py",
]


@pytest.fixture
def project(tmp_path):
    root = tmp_path / "project"
    for name in (*CHANGES, "README.md", "processing/__pycache__/steps.pyc", "node_modules/x/index.js"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("as it was")
    return root


def build_deployment(project, monkeypatch, script):
    """A deployment whose node, which stands for the framework, is ``script``."""
    script = script.replace("TEMPLATE", TEMPLATE).replace("CALLS", str(project.parent / "calls"))
    monkeypatch.setenv("PATH", f"{fake_node(project, script)}{os.pathsep}{os.environ['PATH']}")
    return Deployment(project, environ={"AWS_REGION": "eu-west-1"}, log=project.parent / "serverless.log")


@pytest.fixture
def deployment(project, monkeypatch):
    return build_deployment(project, monkeypatch, PACKAGING)


def deploy(deployment):
    """Deploy, and return the steps that were announced."""
    steps: list[str] = []
    assert deployment.deploy(steps.append) == {"Resources": {}}
    return steps


def test_unchanged_sources_are_packaged_once_and_deployed_each_time(deployment, project):
    assert deploy(deployment) == ["packaging the service", "deploying the service"]
    assert deploy(deployment) == ["deploying the service"]

    first, second = (project.parent / "calls-deployed").read_text().splitlines()
    assert first == second


def test_while_one_run_packages_another_waits_for_its_package(deployment, project):
    another = []

    def begin_another(step):
        if step == "packaging the service":
            another.append(threads.submit(deploy, deployment))
            until_it_waits(project / ".cache" / "local", another[0])

    with ThreadPoolExecutor(1) as threads:
        deployment.deploy(begin_another)

        assert another[0].result() == ["deploying the service"]


def test_the_framework_is_called_as_a_person_would_call_it(deployment, project):
    deploy(deployment)

    assert (project.parent / "calls").read_text().splitlines() == [
        "package --package packaged --stage local",
        "deploy --package packaged --stage local",
    ]


@pytest.mark.parametrize("name", CHANGES)
def test_a_changed_source_is_packaged_again(deployment, project, name):
    deploy(deployment)
    (project / name).write_text("as it is now")

    assert "packaging the service" in deploy(deployment)


def test_a_new_source_is_packaged(deployment, project):
    deploy(deployment)
    (project / "processing" / "new.py").write_text("")

    assert "packaging the service" in deploy(deployment)


@pytest.mark.parametrize("name", ["README.md", "processing/__pycache__/steps.pyc"])
def test_what_the_framework_does_not_read_changes_nothing(deployment, project, name):
    deploy(deployment)
    (project / name).write_text("as it is now")

    assert deploy(deployment) == ["deploying the service"]


def test_old_packages_go_and_nothing_else_stays(deployment, project):
    for number in range(KEPT + 2):
        (project / "recipe.toml").write_text(str(number))
        deploy(deployment)

    assert len(list((project / ".cache" / "local").iterdir())) == KEPT
    assert deploy(deployment) == ["deploying the service"]


def test_unpacked_requirements_are_not_kept_since_the_zip_has_them(deployment, project):
    deploy(deployment)

    (kept,) = (project / ".cache" / "local").iterdir()
    assert sorted(path.name for path in kept.iterdir()) == sorted([TEMPLATE, "darkroom.zip"])


def test_everything_serverless_yml_names_is_among_the_sources():
    """Or a change to it would not be packaged, and the framework would not find it in its copy."""
    text = (PROJECT / "serverless.yml").read_text()
    named = re.findall(r"\$\{file\(([^)]+)\)", text)
    plugins = [line for line in map(str.strip, text.splitlines()) if line.startswith("- ./")]
    named += [line.removeprefix("- ./").partition(" #")[0] for line in plugins]
    (patterns,) = re.findall(r"  patterns:\n((?:    - .*\n)+)", text)
    named += [line.partition(" #")[0].strip(" -'") for line in patterns.splitlines() if "!" not in line]

    assert len(named) >= 8
    for name in named:
        path = PurePosixPath(name.replace("/**", "/x"))
        assert any(path.match(pattern.replace("/**/*", "/*")) for pattern in SOURCES), name


def test_the_framework_sees_nothing_of_the_users_aws_and_only_pip_his_proxy(deployment, project, monkeypatch):
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL_S3", "https_proxy"):
        monkeypatch.setenv(name, "the-users")
    deploy(deployment)

    packaging, deploying = ((project.parent / f"calls-environ-{step}").read_text() for step in ("package", "deploy"))
    assert "https_proxy=the-users" in packaging
    assert packaging.count("the-users") == 1
    assert "the-users" not in deploying
    assert "AWS_REGION=eu-west-1" in deploying


def test_a_failure_says_the_frameworks_own_error_and_where_all_of_it_is(project, monkeypatch):
    script = "#!/bin/sh\necho noise\necho 'Error:'\necho 'quality 300 is too much'\necho 'width is missing'\nexit 1\n"
    deployment = build_deployment(project, monkeypatch, script)

    with pytest.raises(StackError) as failure:
        deploy(deployment)

    log = project.parent / "serverless.log"
    assert str(failure.value) == (
        f"'serverless package' failed (all it said is in {log}): quality 300 is too much; width is missing"
    )
    assert "noise" in log.read_text()
    assert list((project / ".cache" / "local").iterdir()) == []


def test_a_failure_without_an_error_says_its_last_line(project, monkeypatch):
    deployment = build_deployment(
        project, monkeypatch, "#!/bin/sh\necho first\necho 'sh: serverless: not found'\nexit 127\n"
    )

    with pytest.raises(StackError, match=r"failed \(all it said is in .*\): sh: serverless: not found"):
        deploy(deployment)


def test_a_machine_without_node_is_told_to_install_it(project, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    deployment = Deployment(project, environ={}, log=tmp_path / "serverless.log")

    with pytest.raises(StackError, match=r"node was not found: install Node\.js 20\.19 or later"):
        deploy(deployment)


def test_a_checkout_without_the_framework_is_told_to_install_it(project, tmp_path):
    deployment = Deployment(project, environ={}, log=tmp_path / "serverless.log")

    with pytest.raises(StackError, match=r"the Serverless Framework is not installed: run 'npm ci'"):
        deploy(deployment)
