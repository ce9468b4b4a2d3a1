"""The worker's image, ECS service and Kubernetes objects keep in step with the function; no engine is needed for it."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml

from handlers.container import ContainerLimits
from handlers.worker_bootstrap import DEFAULTS, build_worker
from handlers.worker_loop import BEAT
from ops.build.locks import PACKAGE, locked
from tests.handlers.test_bootstrap import BOTO3
from tests.moto_server import serving
from tests.service.packaged_service import PROJECT

FOLDER = PROJECT / "resources" / "worker"
DOCKERFILE = (FOLDER / "Dockerfile").read_text(encoding="utf-8")
IGNORED = (FOLDER / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
SERVERLESS = yaml.safe_load((PROJECT / "serverless.yml").read_text(encoding="utf-8"))
PARAMETERS = SERVERLESS["params"]["default"]
FUNCTION = SERVERLESS["functions"][0]["consumer"]["environment"]
TEMPLATE = yaml.safe_load((FOLDER / "service.yml").read_text(encoding="utf-8"))
TASK = TEMPLATE["Resources"]["Task"]["Properties"]
(CONTAINER,) = TASK["ContainerDefinitions"]
KEDA = {each["kind"]: each for each in yaml.safe_load_all((FOLDER / "keda.yml").read_text(encoding="utf-8"))}
POD = KEDA["Deployment"]["spec"]["template"]["spec"]
(POD_CONTAINER,) = POD["containers"]
OF_THE_IMAGE = {"CODE_VERSION", *(name for name in FUNCTION if name.startswith("MALLOC_"))}


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's, each with its arguments on one line."""
    text = re.sub(r"^#.*\n", "", DOCKERFILE, flags=re.MULTILINE).replace("\\\n", " ")
    return [(line.split(maxsplit=1)[0], line.split(maxsplit=1)[1]) for line in text.splitlines() if line.strip()]


def arguments(name: str) -> list[str]:
    return [rest for instruction, rest in instructions() if instruction == name]


def image_environment() -> dict[str, str]:
    (text,) = arguments("ENV")
    return dict(pair.split("=", 1) for pair in text.split())


def deployed_settings() -> dict[str, str]:
    """The variables of the ECS service, with the parameters' defaults."""
    values = {name: str(parameter.get("Default", "x")) for name, parameter in TEMPLATE["Parameters"].items()}
    return {
        each["Name"]: each["Value"] if isinstance(each["Value"], str) else values.get(each["Value"].get("Ref", ""), "x")
        for each in CONTAINER["Environment"]
    }


def pod_settings() -> dict[str, str]:
    return {each["name"]: each["value"] for each in POD_CONTAINER["env"]}


def test_the_image_has_the_functions_python_and_its_allocator() -> None:
    runtime = SERVERLESS["provider"]["runtime"].removeprefix("python")

    assert re.fullmatch(rf"python:{re.escape(runtime)}-slim-\w+", arguments("FROM")[0])
    malloc = {name: value for name, value in image_environment().items() if name.startswith("MALLOC_")}
    assert malloc == {name: str(value) for name, value in FUNCTION.items() if name.startswith("MALLOC_")}


def test_the_image_installs_the_functions_requirements_for_its_architecture() -> None:
    (install,) = (run for run in arguments("RUN") if "pip install" in run)
    files = dict(re.findall(r"([*\w]+)\) file=([\w.-]+)", install))

    assert files == {"aarch64": "worker-arm64.txt", "*": "worker-x86_64.txt"}
    assert "--only-binary=:all:" in install
    assert "--require-hashes" in install
    assert {f"ops/build/locks/{file}" for file in files.values()} | {"/app/"} == set(arguments("COPY")[0].split())


@pytest.mark.parametrize("architecture", PACKAGE)
def test_the_image_installs_the_functions_wheels_and_boto3_as_it_is_tested(architecture: str) -> None:
    image, package = locked(f"worker-{architecture}"), locked(f"package-{architecture}")

    assert package.items() <= image.items()
    assert {"boto3", "botocore"} <= image.keys() - package.keys()
    assert {name: each.version for name, each in image.items()}.items() <= {
        name: each.version for name, each in locked("development").items()
    }.items()


def test_the_container_needs_neither_root_nor_a_writable_file_system() -> None:
    (user,) = arguments("USER")
    uid = int(user.partition(":")[0])

    assert uid > 1000
    assert CONTAINER["User"] == user
    assert CONTAINER["ReadonlyRootFilesystem"] is True
    assert CONTAINER["LinuxParameters"]["Capabilities"]["Drop"] == ["ALL"]
    assert POD["securityContext"]["runAsNonRoot"] is True
    assert POD_CONTAINER["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert image_environment()["HEARTBEAT_FILE"].startswith("/dev/shm/")


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the image is made of, in a folder."""
    folder = tmp_path_factory.mktemp("app")
    assert IGNORED[1] == "*"
    for name in (line[1:] for line in IGNORED if line.startswith("!")):
        source, target = PROJECT / name, folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        elif source.exists():
            shutil.copy(source, target)
    return folder


def test_what_is_copied_suffices_to_start(copied: Path) -> None:
    entry = json.loads(arguments("ENTRYPOINT")[0])
    environ = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"}

    ended = subprocess.run(
        [sys.executable, *entry[1:]], cwd=copied, env=environ, capture_output=True, text=True, check=False
    )

    assert entry[0] == "python"
    assert ended.returncode == 1
    assert json.loads(ended.stdout)["cause"] == "Misconfigured", ended.stderr
    assert (copied / "recipe.toml").exists()
    assert not (copied / "api").exists()


def health_checks() -> Iterator[list[str]]:
    (docker,) = (text.partition("CMD ")[2] for text in arguments("HEALTHCHECK"))
    yield ["sh", "-c", docker]
    kind, ecs = CONTAINER["HealthCheck"]["Command"]
    assert kind == "CMD-SHELL"
    yield ["sh", "-c", ecs]
    yield POD_CONTAINER["livenessProbe"]["exec"]["command"]


@pytest.mark.parametrize("command", [*health_checks()], ids=["image", "ECS", "Kubernetes"])
def test_a_worker_is_healthy_while_its_heartbeat_is_young(command: list[str], tmp_path: Path) -> None:
    heartbeat = tmp_path / "heart beat"
    environ = {"PATH": os.environ["PATH"], "HEARTBEAT_FILE": str(heartbeat)}

    def healthy() -> bool:
        return subprocess.run(command, env=environ, capture_output=True, check=False).returncode == 0

    assert not healthy()
    heartbeat.touch()
    assert healthy()
    old = heartbeat.stat().st_mtime - 130
    os.utime(heartbeat, (old, old))
    assert not healthy()
    assert 2 * (float(DEFAULTS["WAIT_SECONDS"]) + BEAT) < 120


@pytest.mark.parametrize("settings", [deployed_settings(), pod_settings()], ids=["ECS", "Kubernetes"])
def test_the_environments_have_all_the_functions_variables_and_fit_a_stages_queue(
    settings: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving() as moto:
        for name, value in (BOTO3 | {"AWS_ENDPOINT_URL": moto.url}).items():
            monkeypatch.setenv(name, value)
        moto.reset()  # its queues are those of this process
        sqs = boto3.client("sqs")
        sqs.create_queue(QueueName="dlq")
        redrive = {"deadLetterTargetArn": "arn:aws:sqs:us-east-1:123456789012:dlq", "maxReceiveCount": "5"}
        attributes: Any = {"VisibilityTimeout": str(6 * 805 + 1), "RedrivePolicy": json.dumps(redrive)}
        url = sqs.create_queue(QueueName="uploads", Attributes=attributes)["QueueUrl"]
        environ = image_environment() | settings | {"QUEUE_URL": url, "HEARTBEAT_FILE": ""}

        loop = build_worker(environ, limits=ContainerLimits(2048, 1), build=lambda env: env)  # type: ignore[arg-type, return-value]

    assert (PARAMETERS["timeout"], PARAMETERS["maxReceiveCount"]) == (805, 5)
    assert loop.function_timeout == 805
    assert DEFAULTS["BATCH_SIZE"] == str(PARAMETERS["batchSize"])
    assert settings.keys() - DEFAULTS.keys() >= FUNCTION.keys() - OF_THE_IMAGE


@pytest.mark.parametrize(
    ("name", "parameter"),
    [
        ("UPLOADS_PREFIX", "uploadsPrefix"),
        ("FUNCTION_TIMEOUT", "timeout"),
        ("TRY_SECONDS", "trySeconds"),
        ("MAX_RECEIVE_COUNT", "maxReceiveCount"),
        ("RENDERING", "rendering"),
        ("LOG_LEVEL", "logLevel"),
        ("REMOVALS", "removals"),
    ],
)
def test_the_settings_are_a_stages_defaults(name: str, parameter: str) -> None:
    default = PARAMETERS[parameter]
    text = str(default).lower() if isinstance(default, bool) else str(default)

    assert deployed_settings()[name] == pod_settings()[name] == text


def test_a_worker_has_stopped_before_it_is_killed() -> None:
    for settings, seconds in (
        (deployed_settings(), CONTAINER["StopTimeout"]),
        (pod_settings(), POD["terminationGracePeriodSeconds"]),
    ):
        assert float(settings["STOP_SECONDS"]) + 10 <= seconds <= 120


def test_kedas_objects_refer_to_each_other() -> None:
    scaled, deployment = KEDA["ScaledObject"]["spec"], KEDA["Deployment"]
    (trigger,) = scaled["triggers"]

    assert scaled["scaleTargetRef"]["name"] == deployment["metadata"]["name"]
    assert trigger["authenticationRef"]["name"] == KEDA["TriggerAuthentication"]["metadata"]["name"]
    assert trigger["metadata"]["queueURL"] == pod_settings()["QUEUE_URL"]
    assert "replicas" not in deployment["spec"], "they are KEDA's"
    assert POD["serviceAccountName"] == KEDA["ServiceAccount"]["metadata"]["name"]
    assert deployment["spec"]["selector"]["matchLabels"] == deployment["spec"]["template"]["metadata"]["labels"]
    assert all(isinstance(value, str) for value in trigger["metadata"].values()), "KEDA takes texts only"


def test_the_template_of_the_ecs_service_is_valid() -> None:
    cfn_lint = Path(sys.executable).with_name("cfn-lint")
    said = subprocess.run(
        [cfn_lint, "--regions", "eu-west-1", "--", FOLDER / "service.yml"], capture_output=True, text=True, check=False
    )

    assert (said.returncode, said.stdout) == (0, "")


def test_tags_of_the_stack_reach_the_tasks() -> None:
    assert TEMPLATE["Resources"]["Service"]["Properties"]["PropagateTags"] == "SERVICE"


def test_the_page_explains_every_setting_of_a_worker() -> None:
    page = (PROJECT / "docs" / "containers.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^\| `([A-Z_]+)` \|", page, re.MULTILINE))

    assert listed == {
        *DEFAULTS, "HEARTBEAT_FILE", "CPUS", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_NAME",
    }  # fmt: skip
    assert all(f"| `{name}` | {value} |" in page for name, value in DEFAULTS.items())
