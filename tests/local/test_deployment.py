"""Packaging happens when something has changed, and a failure says what to do."""

import os
import stat

import pytest

from ops.local.deployment import TEMPLATE, Deployment
from ops.local.errors import StackError

FAKE_NPX = """#!/bin/sh
echo "$@" >> calls
env > "environ-$3"
while [ $# -gt 0 ]; do
  if [ "$1" = "--package" ]; then mkdir -p "$2"; echo '{"Resources": {}}' > "$2/TEMPLATE"; fi
  shift
done
"""


@pytest.fixture
def project(tmp_path):
    root = tmp_path / "project"
    for folder in ("handlers", "processing/imaging", "resources"):
        (root / folder).mkdir(parents=True)
    for name in (
        "serverless.yml",
        "recipe.toml",
        "package-lock.json",
        "requirements.txt",
        "handlers/consumer.py",
        "processing/imaging/steps.py",
        "resources/queue.yml",
    ):
        (root / name).write_text("as it was")
    return root


def put_npx(folder, monkeypatch, script):
    """A command named npx, which stands for the framework: what counts here is whether and how it is called."""
    folder.mkdir()
    npx = folder / "npx"
    npx.write_text(script.replace("TEMPLATE", TEMPLATE))
    npx.chmod(npx.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


@pytest.fixture
def deployment(project, tmp_path, monkeypatch):
    put_npx(tmp_path / "bin", monkeypatch, FAKE_NPX)
    return Deployment(project, environ={"AWS_REGION": "eu-west-1"}, log=tmp_path / "serverless.log")


def calls(project):
    return (project / "calls").read_text().splitlines()


def test_unchanged_sources_are_packaged_once(deployment, project):
    first = deployment.package()
    second = deployment.package()

    assert first == second
    assert len(calls(project)) == 1
    assert deployment.template(second) == {"Resources": {}}


@pytest.mark.parametrize(
    "name",
    [
        "serverless.yml",
        "recipe.toml",
        "package-lock.json",
        "requirements.txt",
        "handlers/consumer.py",
        "processing/imaging/steps.py",
        "resources/queue.yml",
    ],
)
def test_a_changed_source_is_packaged_again_and_the_old_package_goes(deployment, project, name):
    old = deployment.package()
    (project / name).write_text("as it is now")
    new = deployment.package()

    assert new != old
    assert len(calls(project)) == 2
    assert [folder.name for folder in new.parent.iterdir()] == [new.name]


def test_a_new_source_is_packaged(deployment, project):
    deployment.package()
    (project / "processing" / "new.py").write_text("")
    deployment.package()

    assert len(calls(project)) == 2


def test_what_was_packaged_is_deployed_to_the_local_stage(deployment, project):
    package = deployment.package()
    deployment.deploy(package)

    assert calls(project)[-1] == f"--no-install serverless deploy --package {package} --stage local"


def test_the_framework_sees_nothing_of_the_users_aws_and_only_pip_his_proxy(deployment, project, monkeypatch):
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL_S3", "https_proxy"):
        monkeypatch.setenv(name, "the-users")
    deployment.deploy(deployment.package())

    packaging, deploying = ((project / f"environ-{step}").read_text() for step in ("package", "deploy"))
    assert "https_proxy=the-users" in packaging
    assert packaging.count("the-users") == 1
    assert "the-users" not in deploying
    assert "AWS_REGION=eu-west-1" in deploying


def test_a_failure_says_the_frameworks_own_error_and_where_all_of_it_is(project, tmp_path, monkeypatch):
    put_npx(
        tmp_path / "bin", monkeypatch, "#!/bin/sh\necho noise\necho 'Error:'\necho 'quality 300 is too much'\nexit 1\n"
    )
    deployment = Deployment(project, environ={}, log=tmp_path / "serverless.log")

    with pytest.raises(StackError, match=r"'serverless package' failed: quality 300 is too much .*serverless\.log"):
        deployment.package()
    assert list((project / ".cache" / "local-package").iterdir()) == []


def test_a_failure_without_an_error_says_its_last_line(project, tmp_path, monkeypatch):
    put_npx(tmp_path / "bin", monkeypatch, "#!/bin/sh\necho first\necho 'sh: serverless: not found'\nexit 127\n")
    deployment = Deployment(project, environ={}, log=tmp_path / "serverless.log")

    with pytest.raises(StackError, match="sh: serverless: not found"):
        deployment.package()


def test_a_machine_without_node_is_told_to_install_it(project, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    deployment = Deployment(project, environ={}, log=tmp_path / "serverless.log")

    with pytest.raises(StackError, match=r"npx was not found: install Node\.js 20\.19 or later"):
        deployment.package()
