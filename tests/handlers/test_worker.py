"""How a worker starts: its settings, its container and its queue must fit together, and it says what does not."""

import itertools
import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
import pytest

from handlers import clients, worker_queue
from handlers.clients import Deadlines, make_clients
from handlers.container import ContainerLimits, container_limits
from handlers.worker_bootstrap import build_worker
from handlers.worker_queue import QueueNumbers, ReceivingQueue, make_receiving_client
from processing.errors import Misconfigured, Unavailable
from tests.background import in_background
from tests.handlers.test_bootstrap import BOTO3, ENVIRONMENT, moto
from tests.moto_server import MotoServer
from tests.scripted_server import Drip, answer, scripted_server

__all__ = ["moto"]
ROOT = Path(__file__).parents[2]
FITTING = ENVIRONMENT | {
    "BATCH_SIZE": "10",
    "FUNCTION_TIMEOUT": "260",
    "TRY_SECONDS": "20",
    "LEASE_SECONDS": "1300",
    "CPUS": "1",
}
LIMITS = ContainerLimits(memory=4096, cpus=2)


@pytest.fixture
def settings(moto: MotoServer, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The environment of a worker whose queue fits."""
    moto.reset()
    for name, value in (BOTO3 | {"AWS_ENDPOINT_URL": moto.url}).items():
        monkeypatch.setenv(name, value)
    return FITTING | {"QUEUE_URL": make_queue(1560, 3)}


def make_queue(visibility: int, receives: int | None) -> str:
    sqs = boto3.client("sqs")
    attributes: Any = {"VisibilityTimeout": str(visibility)}
    if receives is not None:
        sqs.create_queue(QueueName="holiday-dlq")
        arn = "arn:aws:sqs:us-east-1:123456789012:holiday-dlq"
        attributes["RedrivePolicy"] = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": str(receives)})
    return str(sqs.create_queue(QueueName=f"holiday-{visibility}-{receives}", Attributes=attributes)["QueueUrl"])


def built(env: Mapping[str, str], limits: ContainerLimits = LIMITS) -> dict[str, str]:
    """The environment in which the consumer is built."""
    seen: dict[str, str] = {}

    def build(env: Mapping[str, str]) -> Any:
        seen.update(env)

    build_worker(env, limits=limits, build=build)
    return seen


def faults(env: Mapping[str, str], limits: ContainerLimits = LIMITS) -> list[str]:
    with pytest.raises(Misconfigured) as error:
        built(env, limits)
    return list(error.value.faults)


def test_what_fits_together_is_built_with_the_functions_variables(settings: dict[str, str]) -> None:
    assert built(settings).items() >= settings.items()


def test_memory_and_cpus_are_the_containers_where_the_environment_has_none(settings: dict[str, str]) -> None:
    del settings["CPUS"], settings["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]

    made = built(settings, ContainerLimits(memory=2048, cpus=0.5))

    assert (made["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"], made["CPUS"]) == ("2048", "0.5")
    assert float(built(settings, ContainerLimits(memory=4096, cpus=64))["CPUS"]) == pytest.approx(4096 / 1769, rel=1e-3)
    assert built(settings, ContainerLimits(memory=1770, cpus=64))["CPUS"] == "1.00057"
    assert faults(settings, ContainerLimits(None, 1)) == ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE: is not set"]


def test_every_invalid_setting_is_named_at_once(settings: dict[str, str], tmp_path: Path) -> None:
    wrong = {
        "BATCH_SIZE": "101",
        "WAIT_SECONDS": "21",
        "STOP_SECONDS": "30",
        "HEARTBEAT_FILE": str(tmp_path / "no" / "folder"),
        "LEASE_SECONDS": "x",
    }

    found = faults(settings | wrong)

    assert [fault.partition(":")[0] for fault in found] == list(wrong)
    assert "at least 31" in found[2]


@pytest.mark.parametrize(
    ("changes", "limits", "expected"),
    [
        ({"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "4097"}, LIMITS, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE: 4097 exceeds"),
        ({"FUNCTION_TIMEOUT": "259"}, LIMITS, "FUNCTION_TIMEOUT: 259 has no room"),
        ({"LEASE_SECONDS": "1301"}, LIMITS, "QUEUE_URL: its visibility timeout is 1560; it must be at least 1561"),
        ({"MAX_RECEIVE_COUNT": "4"}, LIMITS, "MAX_RECEIVE_COUNT: 4 is 3 in the redrive policy"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_does_not_fit_together_is_refused(
    settings: dict[str, str], changes: dict[str, str], limits: ContainerLimits, expected: str
) -> None:
    (fault,) = faults(settings | changes, limits)

    assert fault.startswith(expected)


def test_memory_that_has_no_room_for_an_image_of_the_recipe_is_refused(settings: dict[str, str]) -> None:
    found = faults(settings | {"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "2048", "CPUS": "16"})

    assert any("no room for limits.pixels.progressive" in fault for fault in found)
    assert {fault.partition(":")[0] for fault in found} == {"AWS_LAMBDA_FUNCTION_MEMORY_SIZE"}


def test_a_smaller_batch_and_more_cpus_need_less_time(settings: dict[str, str]) -> None:
    assert built(settings | {"FUNCTION_TIMEOUT": "140", "BATCH_SIZE": "4"})
    assert built(settings | {"FUNCTION_TIMEOUT": "180", "CPUS": "2"})
    assert faults(settings | {"FUNCTION_TIMEOUT": "179", "CPUS": "2"})


def test_a_queue_without_dead_letters_is_refused(settings: dict[str, str]) -> None:
    assert faults(settings | {"QUEUE_URL": make_queue(1560, None)})[0].startswith("QUEUE_URL: it has no dead-letter")


def test_faults_of_queue_and_container_come_together(settings: dict[str, str]) -> None:
    wrong = {"QUEUE_URL": make_queue(60, 7), "FUNCTION_TIMEOUT": "100"}

    assert len(faults(settings | wrong, ContainerLimits(3000, 1))) == 4


def test_a_queue_that_cannot_be_read_is_named(settings: dict[str, str]) -> None:
    with pytest.raises(Unavailable, match="sqs:GetQueueAttributes"):
        built(settings | {"QUEUE_URL": f"{settings['QUEUE_URL']}-gone"})


def test_a_worker_that_cannot_start_says_so_in_one_line_and_ends_with_1() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "handlers.worker"], cwd=ROOT, env={}, capture_output=True, text=True, check=False
    )

    line = json.loads(ended.stdout)
    assert ended.returncode == 1
    assert (line["cause"], line["message"]) == ("Misconfigured", "the function cannot start")
    assert "IMAGES_TABLE: is not set" in line["faults"]


def files(root: Path, **content: str) -> Path:
    for name, text in content.items():
        path = root / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="ascii")
    return root


@pytest.mark.parametrize(
    ("content", "memory", "most_cpus"),
    [
        ({"memory_dot_max": "2147483648\n", "cpu_dot_max": "50000 100000\n"}, 2048, 0.5),
        ({"memory_dot_max": "max\n", "cpu_dot_max": "max 100000\n"}, None, None),
        (
            {
                "memory__memory_dot_limit_in_bytes": "536870912\n",
                "cpu__cpu_dot_cfs_quota_us": "25000\n",
                "cpu__cpu_dot_cfs_period_us": "100000\n",
            },
            512,
            0.25,
        ),
        (
            {
                "memory__memory_dot_limit_in_bytes": "9223372036854771712\n",
                "cpu__cpu_dot_cfs_quota_us": "-1\n",
                "cpu__cpu_dot_cfs_period_us": "100000\n",
            },
            None,
            None,
        ),
        ({}, None, None),
    ],
    ids=["version 2", "version 2, no limits", "version 1", "version 1, no limits", "no group"],
)
def test_a_containers_limits_are_those_of_its_control_group(
    tmp_path: Path, content: dict[str, str], memory: float | None, most_cpus: float | None
) -> None:
    limits = container_limits(files(tmp_path, **content))

    assert limits.memory == memory
    assert limits.cpus == (most_cpus or container_limits(tmp_path / "none").cpus)
    assert limits.cpus > 0


def test_the_queue_is_received_deleted_and_given_back_on_sqs(settings: dict[str, str]) -> None:
    sqs, url = boto3.client("sqs"), settings["QUEUE_URL"]
    for body in ("one", "two", "three"):
        sqs.send_message(QueueUrl=url, MessageBody=body)
    queue = ReceivingQueue(make_receiving_client(wait=1), url, batch_size=2, wait=1)

    first, second = queue.receive()
    queue.delete([first])
    queue.give_back([second])
    again = [*queue.receive(), *queue.receive()]

    assert queue.numbers() == QueueNumbers(1560, 3)
    assert {first.body, second.body} | {message.body for message in again} == {"one", "two", "three"}
    assert sorted(message.receive_count for message in again) == [1, 2]
    assert first.sent_at > 1_700_000_000


def test_a_poll_may_take_as_long_as_it_waits_and_not_much_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_queue, "READ_TIMEOUT", 0.3)
    monkeypatch.setattr(clients, "READ_TIMEOUT", 0.1)
    for name, value in BOTO3.items():
        monkeypatch.setenv(name, value)
    none = answer(200, b"{}", x_amzn_RequestId="r", Content_Type="application/x-amz-json-1.0")
    with scripted_server("http://127.0.0.1:1") as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        queue = ReceivingQueue(make_receiving_client(wait=0.3), "url", batch_size=1, wait=1)
        late = Drip(none, whole=len(none) - 2, pause=0.3)
        server.script("ReceiveMessage", itertools.chain([late], itertools.repeat(Drip(none, pause=1))))

        assert queue.receive() == []
        with pytest.raises(Unavailable, match="sqs:ReceiveMessage: ReadTimeoutError"):
            queue.receive()


class Issuer(BaseHTTPRequestHandler):
    """Gives credentials for a minute, with a number in the key: a container's, or those of a service account."""

    server: "Credentials"
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        """https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html"""
        key, expiry = self.server.issue(self.headers["Authorization"])
        self._answer(json.dumps({"AccessKeyId": key, "SecretAccessKey": "s", "Token": "t", "Expiration": expiry}))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if "WebIdentityToken=" not in body:
            return self._note("{}")
        key, expiry = self.server.issue(body.partition("WebIdentityToken=")[2].partition("&")[0])
        parts = f"<AccessKeyId>{key}</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>"
        result = f"<Credentials>{parts}<Expiration>{expiry}</Expiration></Credentials>"
        name = "AssumeRoleWithWebIdentity"
        return self._answer(f"<{name}Response><{name}Result>{result}</{name}Result></{name}Response>")

    def do_PUT(self) -> None:
        self._note("")

    def _note(self, answer: str) -> None:
        signed = self.headers["Authorization"].partition("Credential=")[2].partition("/")[0]
        self.server.used.append(signed)
        self._answer(answer)

    def _answer(self, text: str) -> None:
        self.send_response(200)
        self.send_header("x-amzn-RequestId", "r")
        self.send_header("ETag", '"e"')
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())


class Credentials(ThreadingHTTPServer):
    """Issues credentials, and notes which of them requests are signed with."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Issuer)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.proofs: list[str] = []
        self.used: list[str] = []

    def issue(self, proof: str) -> tuple[str, str]:
        self.proofs.append(proof)
        expiry = datetime.now(UTC) + timedelta(minutes=1)  # botocore asks for others ten minutes before that
        return f"AKIA{len(self.proofs)}", expiry.strftime("%Y-%m-%dT%H:%M:%SZ")


@contextmanager
def issuing() -> Iterator[Credentials]:
    with Credentials() as server, in_background(server):
        yield server


def of_the_container(issuer: Credentials, token: Path) -> dict[str, str]:
    """ECS and EKS Pod Identity."""
    return {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{issuer.url}/credentials",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(token),
    }


def of_a_service_account(issuer: Credentials, token: Path) -> dict[str, str]:
    """EKS: IAM roles for service accounts."""
    return {
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(token),
        "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/worker",
        "AWS_ENDPOINT_URL_STS": issuer.url,
    }


Source = Callable[[Credentials, Path], dict[str, str]]


@pytest.mark.parametrize("source", [of_the_container, of_a_service_account])
def test_every_client_uses_credentials_that_were_refreshed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, source: Source
) -> None:
    token = tmp_path / "token"
    token.write_text("first")
    with issuing() as issuer:
        environ = {
            "AWS_ENDPOINT_URL": issuer.url,
            "AWS_DEFAULT_REGION": "eu-west-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        for name, value in (environ | source(issuer, token)).items():
            monkeypatch.setenv(name, value)
        consumer = make_clients(Deadlines(), connections=2)
        queue = ReceivingQueue(make_receiving_client(wait=1), "url", batch_size=1, wait=1)
        requests: list[Callable[[], object]] = [
            queue.receive,
            lambda: consumer.sqs.receive_message(QueueUrl="url"),
            lambda: consumer.dynamodb.update_item(TableName="t", Key={"k": {"S": "v"}}),
            lambda: consumer.s3.put_object(Bucket="b", Key="k", Body=b""),
        ]

        for proof in ("second", "third"):
            token.write_text(proof)
            for request in requests:
                newest = len(issuer.proofs)
                request()
                assert issuer.used[-1] == f"AKIA{len(issuer.proofs)}"
                assert len(issuer.proofs) > newest
                assert issuer.proofs[-1] == proof
