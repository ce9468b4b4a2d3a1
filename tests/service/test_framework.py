"""The right program on the right AWS: another framework, the local stage elsewhere and no credentials are refused."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from ops.local.deployment import FRAMEWORK
from tests.service.packaged_service import NOWHERE, PROJECT, copy_project, serverless

LOCAL_REFUSED = "The stage local is for the AWS on this machine: run npm run local, or name another --stage."
NO_CREDENTIALS = "No AWS credentials; nothing was packaged: sign in (aws sso login, aws configure) or name a profile"
PACKAGE = "nothing-is-here"
"""A folder for --package: with credentials, the framework says at once that nothing is in it."""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    copy_project(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", ["serverless", "@serverlessinc/sf-core"])
def test_another_framework_is_refused_in_one_line_that_says_what_to_run(tmp_path: Path, name: str) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "package.json").write_text(json.dumps({"name": name}))
    (tmp_path / "bin" / "serverless.js").write_text(
        f"const Check = require({str(PROJECT / 'ops/build/serverless-check.cjs')!r});\n"
        "const classes = { Error };\n"
        "try { new Check({ classes, processedInput: { command: 'deploy', options: {} } }); }\n"
        "catch (error) { console.log(error.message); }\n"
    )

    run = subprocess.run(["node", tmp_path / "bin/serverless.js"], capture_output=True, text=True, check=False)

    assert run.returncode == 2
    assert run.stdout == (
        f"This is {name}, not osls, the framework of this service: run npm ci, then npm run deploy -- --stage NAME.\n"
    )


def test_npm_runs_the_framework_that_is_installed() -> None:
    described = json.loads((PROJECT / "package.json").read_text())
    installed = json.loads((PROJECT / "node_modules/serverless/package.json").read_text())

    assert described["scripts"]["deploy"] == "serverless deploy"
    assert described["devDependencies"]["serverless"].startswith("npm:osls@")
    assert installed["name"] == "osls"


ELSEWHERE = [None, "https://sqs.eu-west-1.amazonaws.com", "http://127.0.0.1.example.com", "x"]
HERE = ["http://127.0.0.1:1", "http://localhost:1", "http://[::1]:1"]
CHECKS = """
  const [framework, plugin, endpoints] = JSON.parse(process.argv.at(-1));
  process.argv[1] = framework;
  const Check = require(plugin);
  const service = { provider: { stage: 'local' }, validate() {} };
  const refusal = (command, endpoint) => {
    delete process.env.AWS_ENDPOINT_URL;
    if (endpoint !== null) process.env.AWS_ENDPOINT_URL = endpoint;
    try {
      new Check({ classes: { Error }, service, processedInput: { command, options: {} } });
      return '';
    } catch (error) {
      return error.message;
    }
  };
  const commands = ['deploy', 'remove'];
  const all = commands.flatMap((each) => endpoints.map((endpoint) => [each, endpoint, refusal(each, endpoint)]));
  console.log(JSON.stringify(all));
"""
"""Constructs the plugin as the framework does at each of fourteen starts."""


def test_the_local_stage_is_deployed_on_this_machine_only() -> None:
    plugin = PROJECT / "ops/build/serverless-check.cjs"
    given = json.dumps([str(PROJECT / FRAMEWORK), str(plugin), [*ELSEWHERE, *HERE]])

    run = subprocess.run(
        ["node", "-e", CHECKS, given], env=os.environ | NOWHERE, capture_output=True, text=True, check=False
    )

    assert run.returncode == 2, run.stderr
    assert json.loads(run.stdout) == [
        [command, endpoint, LOCAL_REFUSED if endpoint in ELSEWHERE else ""]
        for command in ("deploy", "remove")
        for endpoint in [*ELSEWHERE, *HERE]
    ]


@pytest.mark.parametrize(("command", "endpoint"), [("deploy", None), ("remove", ELSEWHERE[1])])
def test_the_local_stage_elsewhere_ends_the_framework(project: Path, command: str, endpoint: str | None) -> None:
    environ = NOWHERE | ({"AWS_ENDPOINT_URL": endpoint} if endpoint else {})

    run = serverless(project, command, "--stage", "local", environ=environ)

    assert run.returncode == 2
    assert f"\n{LOCAL_REFUSED}\n" in run.stdout + run.stderr
    assert not (project / ".serverless").exists()


def test_the_local_stage_is_let_through_to_this_machine(project: Path) -> None:
    run = serverless(project, "deploy", "--stage", "local", environ=NOWHERE | {"AWS_ENDPOINT_URL": HERE[0]})

    assert LOCAL_REFUSED not in run.stdout + run.stderr
    assert NO_CREDENTIALS in run.stdout + run.stderr


def test_without_credentials_nothing_is_packaged_and_one_line_says_so(project: Path) -> None:
    run = serverless(project, "deploy", "--stage", "prod")

    (line,) = (line for line in (run.stdout + run.stderr).splitlines() if "credentials" in line.lower())
    assert line.startswith(NO_CREDENTIALS)
    assert run.returncode == 2
    assert not (project / ".serverless").exists()


def test_packaging_needs_no_credentials(default: object) -> None:
    assert default  # it was packaged under NOWHERE
    assert not {name for name in NOWHERE if "KEY" in name or "PROFILE" in name}


class Metadata(BaseHTTPRequestHandler):
    """EC2's metadata service and ECS's, which give the same temporary keys."""

    def do_PUT(self) -> None:
        self._answer("token")

    def do_GET(self) -> None:
        keys = {
            "Code": "Success",
            "AccessKeyId": "A",
            "SecretAccessKey": "B",
            "Token": "C",
            "Expiration": "2999-01-01T00:00:00Z",
        }
        wants_role = self.path.endswith("/security-credentials/")
        self._answer("role" if wants_role else json.dumps(keys))

    def log_message(self, *_: object) -> None: ...

    def _answer(self, text: str) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())


@pytest.fixture
def metadata() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Metadata) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.mark.parametrize("source", ["keys", "profile", "process", "container", "instance"])
def test_every_source_of_credentials_is_as_good(project: Path, metadata: str, source: str) -> None:
    file = project / "aws"
    process = f"{sys.executable} {project / 'keys.py'}"
    keys = {"Version": 1, "AccessKeyId": "A", "SecretAccessKey": "B"}
    (project / "keys.py").write_text(f"print({json.dumps(keys)!r})")
    environ: dict[str, str] = {
        "keys": {"AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "B"},
        "profile": {"AWS_PROFILE": "work", "AWS_SHARED_CREDENTIALS_FILE": str(file)},
        "process": {"AWS_PROFILE": "work", "AWS_CONFIG_FILE": str(file)},
        "container": {"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{metadata}/keys"},
        "instance": {"AWS_EC2_METADATA_SERVICE_ENDPOINT": metadata, "AWS_EC2_METADATA_DISABLED": "false"},
    }[source]
    file.write_text(
        f"[profile work]\ncredential_process = {process}\n"
        if source == "process"
        else "[work]\naws_access_key_id = A\naws_secret_access_key = B\n"
    )

    run = serverless(project, "deploy", "--stage", "prod", "--package", PACKAGE, environ=NOWHERE | environ)

    assert NO_CREDENTIALS not in run.stdout + run.stderr
    assert "No serverless-state.json file found in the package path you provided." in run.stdout


def test_a_session_that_has_ended_is_told_before_anything_is_packaged(project: Path) -> None:
    file = project / "aws"
    file.write_text("[profile work]\ncredential_process = /bin/false\n")

    run = serverless(
        project, "deploy", "--stage", "prod", environ=NOWHERE | {"AWS_PROFILE": "work", "AWS_CONFIG_FILE": str(file)}
    )

    assert NO_CREDENTIALS in run.stdout + run.stderr
    assert not (project / ".serverless").exists()
