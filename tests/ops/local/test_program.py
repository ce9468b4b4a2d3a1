"""What is deployed is what runs: its code, its packages and no other, and its updates."""

import base64
import hashlib
import io
import json
import os
import sys
import time
import zipfile
from dataclasses import replace

import pytest

from ops.build.bytecode import LAMBDA_VERSION
from ops.build.locks import lines, locked
from ops.errors import StackError
from ops.local import packages, program
from ops.local.deployed import EventSourceMapping, Function
from ops.local.environments import Environments
from ops.local.invocation import Environment, FunctionError
from ops.local.live import LiveFunction
from ops.local.packages import installed
from ops.local.player import Player
from ops.local.program import prepare
from tests.conftest import ROOT
from tests.ops.local.conftest import REGION, wait_until

OURS = f"{sys.version_info.major}.{sys.version_info.minor}"
CACHE = ROOT / ".cache" / "local"  # as the stack's: what Lambda's runtime brings is installed there once
TELL = "def handler(event, context):\n    return {word!r}\n"
LOOK = """
import importlib.util, os, sys

def handler(event, context):
    found = {name: importlib.util.find_spec(name) is not None for name in event["modules"]}
    import boto3, PIL
    return {"path": sys.path, "found": found, "boto3": boto3.__version__, "PIL": PIL.__file__, "python": sys.version}
"""


def zipped(**modules: str) -> bytes:
    """A package with a module for each argument."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, text in modules.items():
            archive.writestr(f"{name}.py", text)
    return data.getvalue()


def with_wheel(tag, *, requirement):
    """A package with a module of its own, and a wheel for this tag."""
    data = io.BytesIO(zipped(own=""))
    with zipfile.ZipFile(data, "a") as archive:
        archive.writestr("brought/__init__.py", "")
        archive.writestr("brought-1.dist-info/WHEEL", f"Wheel-Version: 1.0\nTag: {tag}\n")
        archive.writestr("brought-1.dist-info/RECORD", "brought/__init__.py,,\nbrought-1.dist-info/RECORD,,\n")
        archive.writestr("requirements.txt", f"{requirement}\n")
    return data.getvalue()


def function_of(data, **more):
    sha = base64.b64encode(hashlib.sha256(data).digest()).decode()
    return Function("f", "arn", "main.handler", 20, 128, {}, code_sha256=sha, **more)


@pytest.fixture
def asked(monkeypatch):
    """Remembers the requirements that were to be installed, and installs none."""
    asked = []

    def remember(requirements, *, python, version, cache):
        asked.append(list(requirements))
        return cache

    monkeypatch.setattr(program, "installed", remember)
    return asked


def runtime():
    return lines("runtime")


@pytest.mark.usefixtures("asked")
def test_a_package_with_another_hash_is_refused_and_not_kept(tmp_path):
    good, other = zipped(main="good = True"), zipped(main="good = False")

    with pytest.raises(StackError, match="CodeSha256"):
        prepare(function_of(good), lambda: other, cache=tmp_path)

    made = prepare(function_of(good), lambda: good, cache=tmp_path)
    assert (made.code / "main.py").read_text() == "good = True"


@pytest.mark.usefixtures("asked")
def test_a_package_is_downloaded_once_and_its_files_cannot_be_written(tmp_path):
    data, downloads = zipped(main=""), []

    def download() -> bytes:
        downloads.append(1)
        return data

    for _ in range(2):
        made = prepare(function_of(data), download, cache=tmp_path)

    assert downloads == [1]
    assert {path.stat().st_mode & 0o222 for path in made.code.rglob("*") if path.is_file()} == {0}
    assert list(made.code.rglob("*.pyc"))  # or each process would compile it


def test_libraries_of_this_python_and_machine_are_taken_from_the_package(tmp_path, asked):
    machine = os.uname().machine
    tag = f"cp{OURS.replace('.', '')}"
    data = with_wheel(f"{tag}-{tag}-manylinux_2_28_{machine}", requirement="brought==1")

    made = prepare(function_of(data, runtime=f"python{OURS}"), lambda: data, cache=tmp_path)

    assert (made.code / "brought" / "__init__.py").exists()
    assert asked == [runtime()]


@pytest.mark.parametrize("tag", ["cp21-cp21-manylinux_2_28_x86_64", "cp311-cp311-manylinux_2_28_riscv"])
def test_for_another_python_or_machine_the_packages_own_requirements_are_installed(tmp_path, asked, tag):
    data = with_wheel(tag, requirement=lines("package-x86_64")[-1])

    made = prepare(function_of(data, runtime="python2.1"), lambda: data, cache=tmp_path)

    assert made.python == sys.executable
    assert (made.code / "own.py").exists()
    assert not (made.code / "brought").exists()
    assert asked == [[locked("development")["pillow"].line, *runtime()]]


def test_what_cannot_be_installed_is_said(tmp_path):
    with pytest.raises(StackError, match="could not be installed"):
        installed(
            [f"{tmp_path / 'none.whl'} --hash=sha256:{'0' * 64}"], python=sys.executable, version=OURS, cache=tmp_path
        )

    assert not any((tmp_path / "packages").iterdir())


def test_folders_that_nobody_has_used_for_a_day_go_and_the_last_ones_stay(tmp_path):
    for number in range(8):
        (tmp_path / str(number)).mkdir()
        age = 2 * packages.KEPT_SECONDS if number < 6 else 0
        os.utime(tmp_path / str(number), (time.time() - age + number,) * 2)
    with packages.made_once(tmp_path / "0") as folder:  # is used again
        assert folder is None

    with packages.made_once(tmp_path / "last"):
        pass

    assert {folder.name for folder in tmp_path.iterdir()} == {"0", "6", "7", "last"}


@pytest.fixture(params=["the function's Python where it is at hand", "the workshop's Python"])
def deployed(stack, request, monkeypatch):
    """The real consumer's program."""
    if request.param == "the workshop's Python":
        monkeypatch.setattr(program, "find_python", lambda _version: None)
    return stack.function("ConsumerFunction")()


def test_a_package_that_only_the_workshop_has_cannot_be_imported(stack, deployed, tmp_path, monkeypatch):
    for folder in ("workshop", "function"):
        (tmp_path / folder).mkdir()
    (tmp_path / "workshop" / "workshop_only.py").touch()
    (tmp_path / "function" / "looking.py").write_text(LOOK)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "workshop"))
    looking = replace(
        deployed,
        function=replace(deployed.function, handler="looking.handler"),
        packages=(*deployed.packages, tmp_path / "function"),
    )
    wanted, unwanted = ("handlers", "PIL", "cykooz_resizer", "boto3"), ("workshop_only", "pytest", "moto", "pip", "ops")

    environment = Environment(looking, environ=stack.environ(), log=tmp_path / "log")
    try:
        seen = environment.invoke({"modules": [*wanted, *unwanted]})
    finally:
        environment.close()

    assert seen["found"] == dict.fromkeys(wanted, True) | dict.fromkeys(unwanted, False)
    ours = [str(folder) for folder in (looking.code, *looking.packages)]
    assert seen["path"][: len(ours)] == ours
    assert not [path for path in seen["path"][len(ours) :] if "site-packages" in path or path.startswith(str(ROOT))]
    assert seen["boto3"] == locked("runtime")["boto3"].version
    assert seen["python"].startswith(OURS if deployed.python == sys.executable else LAMBDA_VERSION)


def role(emulator):
    iam = emulator.client("iam")
    try:
        return iam.create_role(RoleName="live", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    except iam.exceptions.EntityAlreadyExistsException:
        return iam.get_role(RoleName="live")["Role"]["Arn"]


@pytest.fixture
def live(emulator, request):
    """The Lambda client, and a deployed function."""
    aws_lambda, name = emulator.client("lambda"), f"live-{time.monotonic_ns()}"
    aws_lambda.create_function(
        FunctionName=name,
        Runtime=f"python{OURS}",
        Role=role(emulator),
        Handler="main.handler",
        Timeout=20,
        Code={"ZipFile": zipped(main=TELL.format(word="old"))},
    )
    yield aws_lambda, name
    aws_lambda.delete_function(FunctionName=name)


@pytest.fixture
def environments(emulator, live, tmp_path):
    environments = Environments(LiveFunction(*live, cache=CACHE), environ=emulator.environ(), log_dir=tmp_path, most=2)
    yield environments
    environments.close()


def test_updated_code_is_live_for_the_next_invocation(live, environments):
    aws_lambda, name = live
    assert environments.invoke({}) == "old"
    (before,) = environments.pids()

    aws_lambda.update_function_code(FunctionName=name, ZipFile=zipped(main=TELL.format(word="new")))

    wait_until(lambda: environments.invoke({}) == "new")
    assert before not in environments.pids()
    assert len(environments.pids()) == 1


def test_updated_configuration_is_live_for_the_next_invocation(live, environments):
    aws_lambda, name = live
    text = "import os\ndef handler(event, context):\n    return os.environ.get('SETTING')\n"
    aws_lambda.update_function_code(FunctionName=name, ZipFile=zipped(main=text))
    assert environments.invoke({}) is None

    aws_lambda.update_function_configuration(FunctionName=name, Environment={"Variables": {"SETTING": "on"}})

    wait_until(lambda: environments.invoke({}) == "on")


def test_an_environment_that_works_during_an_update_goes_on_to_its_end(live, environments, tmp_path):
    aws_lambda, name = live
    running = environments.take()
    assert running.invoke({}) == "old"

    aws_lambda.update_function_code(FunctionName=name, ZipFile=zipped(main=TELL.format(word="new")))
    wait_until(lambda: environments.invoke({}) == "new")

    assert running.invoke({}) == "old"
    environments.give_back(running)
    assert [environments.invoke({}) for _ in range(2)] == ["new", "new"]


def test_an_update_that_cannot_be_run_fails_the_invocation_and_the_next_one_runs(live, emulator, tmp_path):
    function, broken = LiveFunction(*live, cache=CACHE), [True]

    def program_now():
        if broken:
            raise StackError("what it imports could not be installed")
        return function()

    environments = Environments(program_now, environ=emulator.environ(), log_dir=tmp_path, most=1)
    try:
        with pytest.raises(FunctionError, match="could not be installed"):
            environments.invoke({})

        broken.clear()
        assert environments.invoke({}) == "old"
    finally:
        environments.close()


def test_without_an_update_a_function_is_looked_at_once_a_second(live):
    aws_lambda, name = live
    looks, now = [], [100.0]

    class Counting:
        def get_function_configuration(self, **arguments):
            looks.append(arguments)
            return aws_lambda.get_function_configuration(**arguments)

        def get_function(self, **arguments):
            return aws_lambda.get_function(**arguments)

    function = LiveFunction(Counting(), name, cache=CACHE, clock=lambda: now[0])
    assert len({id(function()) for _ in range(5)}) == 1
    assert len(looks) == 1

    now[0] += 1
    function()
    assert len(looks) == 2


def test_a_batch_goes_to_the_updated_function(live, stage):
    aws_lambda, name = live
    text = "import sys\ndef handler(event, context):\n    print('{word}', file=sys.stderr)\n"
    aws_lambda.update_function_code(FunctionName=name, ZipFile=zipped(main=text.format(word="first")))
    mapping = EventSourceMapping(f"arn:aws:sqs:{REGION}:123456789012:{stage.queue_name}", name)
    player = Player(
        stage.sqs, lambda: mapping, LiveFunction(aws_lambda, name, cache=CACHE),
        environ=stage.emulator.environ(), log_dir=stage.log_dir, environments=1,
    )  # fmt: skip
    stage.players.append(player)
    player.start()
    stage.send("x")
    wait_until(lambda: player.counts.deleted == 1)

    aws_lambda.update_function_code(FunctionName=name, ZipFile=zipped(main=text.format(word="second")))
    wait_until(lambda: stage.send("x") and "second" in logs(stage))

    assert "first" in logs(stage)
    assert player.counts.failures == 0


def logs(stage):
    time.sleep(0.2)
    return "".join(path.read_text() for path in stage.log_dir.glob("live-*.log"))


def test_a_redeployment_by_cloudformation_is_an_update(emulator, tmp_path):
    s3, cloudformation = emulator.client("s3"), emulator.client("cloudformation")
    s3.create_bucket(Bucket="packages", CreateBucketConfiguration={"LocationConstraint": REGION})
    told = []

    def deploy(action, word, memory):
        s3.put_object(Bucket="packages", Key=word, Body=zipped(main=TELL.format(word=word)))
        properties = {
            "Code": {"S3Bucket": "packages", "S3Key": word},
            "Handler": "main.handler",
            "Runtime": f"python{OURS}",
            "Role": role(emulator),
            "MemorySize": memory,
        }
        template = {"Resources": {"F": {"Type": "AWS::Lambda::Function", "Properties": properties}}}
        getattr(cloudformation, action)(StackName="redeployed", TemplateBody=json.dumps(template))

    deploy("create_stack", "old", 128)
    name = cloudformation.describe_stack_resource(StackName="redeployed", LogicalResourceId="F")
    name = name["StackResourceDetail"]["PhysicalResourceId"]
    now = [0.0]
    function = LiveFunction(emulator.client("lambda"), name, cache=CACHE, clock=lambda: now[0])
    told.append((function().function.memory, (function().code / "main.py").read_text()))
    deploy("update_stack", "new", 256)
    now[0] += 1
    told.append((function().function.memory, (function().code / "main.py").read_text()))

    assert told == [(128, TELL.format(word="old")), (256, TELL.format(word="new"))]
