"""The emulator's process: ready when it answers, on loopback only, and gone with whoever started it."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import textwrap
from urllib.parse import urlparse

import boto3
import pytest
from botocore.config import Config

from ops.errors import StackError
from ops.local.emulator import CONFIG, PROJECT, Emulator
from tests.ops.local.conftest import REGION, is_running, wait_until

V4 = Config(signature_version="s3v4")


def test_it_answers_as_soon_as_it_has_started_and_is_gone_when_it_has_stopped(tmp_path):
    emulator = Emulator(region=REGION, log=tmp_path / "logs" / "emulator.log")
    emulator.start()
    pid = emulator.pid
    emulator.client("sqs").create_queue(QueueName="q")

    emulator.stop()

    assert not is_running(pid)
    emulator.stop()  # again: nothing to do


def test_a_taken_port_is_named_with_what_to_do(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        emulator = Emulator(region=REGION, log=tmp_path / "emulator.log", port=port)

        with pytest.raises(StackError, match=f"port {port} is taken .*: name another one with --port, or leave"):
            emulator.start()


def test_a_moto_without_what_the_server_builds_on_is_named(tmp_path, monkeypatch):
    (tmp_path / "moto").mkdir()
    (tmp_path / "moto" / "__init__.py").touch()
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    emulator = Emulator(region=REGION, log=tmp_path / "emulator.log")

    with pytest.raises(
        StackError, match=r"did not start: ModuleNotFoundError: No module named 'moto\.\w+'.*emulator\.log"
    ):
        emulator.start()


def test_a_moto_that_cannot_be_patched_is_named(tmp_path, monkeypatch):
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\nif sys.argv[:1] == ['-m']:\n"
        "    from moto.s3.responses import S3Response\n    del S3Response._key_response\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    emulator = Emulator(region=REGION, log=tmp_path / "emulator.log")

    with pytest.raises(StackError, match=r"did not start: moto has neither .* nor S3Response\._key_response"):
        emulator.start()


def test_a_port_that_was_asked_for_is_used(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as finder:
        port = finder.getsockname()[1]
    emulator = Emulator(region=REGION, log=tmp_path / "emulator.log", port=port)
    emulator.start()
    try:
        assert emulator.endpoint == f"http://127.0.0.1:{port}"
    finally:
        emulator.stop()


def test_it_ends_when_its_parent_is_killed(tmp_path):
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            textwrap.dedent(
                f"""
                import pathlib, threading
                from ops.local.emulator import Emulator
                emulator = Emulator(region="eu-west-1", log=pathlib.Path({str(tmp_path / "emulator.log")!r}))
                emulator.start()
                print(emulator.pid, flush=True)
                threading.Event().wait()
                """
            ),
        ],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
    )
    with parent:
        assert parent.stdout is not None
        server = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)

    wait_until(lambda: not is_running(server))


def test_a_connection_stays_open_for_the_next_request(emulator):
    connection = http.client.HTTPConnection(urlparse(emulator.endpoint).netloc)
    connection.connect()
    first = connection.sock
    for path in ("/moto-api/data.json", "/no-such-bucket/key", "/moto-api/data.json"):
        connection.request("GET", path)
        connection.getresponse().read()

        assert connection.sock is first
    connection.close()


def test_a_body_sent_in_chunks_arrives_whole(emulator):
    s3 = emulator.client("s3")
    s3.create_bucket(Bucket="chunks", CreateBucketConfiguration={"LocationConstraint": REGION})
    signing = emulator.credentials.session(REGION).client("s3", endpoint_url=emulator.endpoint, config=CONFIG.merge(V4))
    url = urlparse(signing.generate_presigned_url("put_object", {"Bucket": "chunks", "Key": "k"}))
    connection = http.client.HTTPConnection(url.netloc)
    connection.request("PUT", f"{url.path}?{url.query}", iter([b"one", b"two"]), encode_chunked=True)
    answer = connection.getresponse()
    answer.read()
    connection.close()

    assert answer.status == 200
    assert s3.get_object(Bucket="chunks", Key="k")["Body"].read() == b"onetwo"


def test_a_body_whose_sender_was_killed_is_not_taken_for_a_whole_one(emulator):
    bucket = emulator.client("s3")
    bucket.create_bucket(Bucket="halves", CreateBucketConfiguration={"LocationConstraint": REGION})
    host, port = urlparse(emulator.endpoint).netloc.split(":")

    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(b"PUT /halves/cat.jpg HTTP/1.1\r\nHost: s3\r\nContent-Length: 100\r\n\r\n" + b"x" * 50)
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(100) == b""

    assert bucket.list_objects_v2(Bucket="halves")["KeyCount"] == 0


def test_a_child_with_its_environment_talks_to_it_and_to_nothing_else(emulator, monkeypatch):
    for name, value in emulator.environ().items():
        monkeypatch.setenv(name, value)

    monkeypatch.delenv("AWS_PROFILE", raising=False)
    client = boto3.session.Session().client("sqs")

    assert client.meta.endpoint_url == emulator.endpoint
    assert client.meta.region_name == REGION
    assert os.environ["AWS_EC2_METADATA_DISABLED"] == "true"


def test_no_setting_of_the_users_turns_a_client_away(emulator, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_ENDPOINT_URL_SNS", "https://sns.eu-west-1.amazonaws.com")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    topic = emulator.client("sns").create_topic(Name="reached")["TopicArn"]

    assert {"TopicArn": topic} in emulator.client("sns").list_topics()["Topics"]


def test_clients_are_made_once(emulator):
    assert emulator.client("sqs") is emulator.client("sqs")


def test_without_a_server_there_is_no_pid(tmp_path):
    with pytest.raises(StackError, match="not running"):
        _ = Emulator(region=REGION, log=tmp_path / "emulator.log").pid
