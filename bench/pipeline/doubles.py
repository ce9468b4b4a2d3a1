"""S3, DynamoDB and SQS on loopback, over TLS, with a latency that can be set; every request is counted.

A server instead of stubs in botocore: sockets, TLS, urllib3 and checksums are most of the cost of a request, and stubs
would hide it. It runs in the measuring process, on another core than the consumers, and implements the part of the
three protocols that successful batches use.
"""

import asyncio
import base64
import datetime
import ipaddress
import json
import re
import ssl
import threading
import zlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from bench.pipeline.originals import etag_of, original_of

HOST = "127.0.0.1"
LATENCY_RATIO = 10
"""S3's latency by that of DynamoDB and SQS, which take single-digit milliseconds where S3 takes 30 to 80."""
STREAM_LIMIT = 1 << 22


@dataclass
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Doubles:
    """The three services at ``endpoint``, while the context lasts.

    Args:
        originals: by name; a key is ``images/<original>-<number>.jpg``.
        folder: for the certificate that clients trust.
    """

    def __init__(self, originals: Mapping[str, bytes], folder: Path) -> None:
        self.latency = 0.0
        """Seconds to the first byte of S3's answers; the bytes themselves come at loopback's speed."""
        self.counts: Counter[str] = Counter()
        self.items: dict[str, dict[str, Any]] = {}
        self.postponed: list[str] = []
        self.certificate = folder / "certificate.pem"
        self._originals = {name: (data, _crc32(data)) for name, data in originals.items()}
        self._key = folder / "key.pem"
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._server: asyncio.Server
        self._uploaded = 0
        self._open: set[asyncio.StreamWriter] = set()
        self.endpoint = ""

    def __enter__(self) -> "Doubles":
        _write_certificate(self.certificate, self._key)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result()
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._close_connections(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def take_counts(self) -> Counter[str]:
        """Return the requests since the last call, by service and operation."""
        counts, self.counts = self.counts, Counter()
        return counts

    def take_numbers(self, count: int) -> int:
        """Return the first of so many numbers that no other upload has."""
        first, self._uploaded = self._uploaded, self._uploaded + count
        return first

    async def _listen(self) -> None:
        trust = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        trust.load_cert_chain(self.certificate, self._key)
        self._server = await asyncio.start_server(self._serve, HOST, 0, ssl=trust, limit=STREAM_LIMIT)
        self.endpoint = f"https://{HOST}:{self._server.sockets[0].getsockname()[1]}"

    async def _close_connections(self) -> None:
        self._server.close()
        for writer in self._open:
            writer.transport.abort()
        await asyncio.gather(*(asyncio.all_tasks() - {asyncio.current_task()}))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            while True:
                request = await _read(reader, writer)
                service, operation, status, headers, body = self._answer(request)
                self.counts[f"{service} {operation}"] += 1
                await asyncio.sleep(self.latency if service == "S3" else self.latency / LATENCY_RATIO)
                headers["x-amz-request-id" if service == "S3" else "x-amzn-requestid"] = "of-the-doubles"
                headers["Content-Length"] = headers.get("Content-Length", str(len(body)))
                lines = [f"HTTP/1.1 {status} -", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
                writer.write("\r\n".join(lines).encode())
                writer.write(body)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the consumer ended
        finally:
            self._open.discard(writer)
            writer.transport.abort()

    def _answer(self, request: Request) -> tuple[str, str, int, dict[str, str], bytes]:
        target = request.headers.get("x-amz-target")
        if target is None:
            return "S3", *self._s3(request)
        service, operation = target.split(".")
        values = json.loads(request.body)
        answer = self._sqs(values) if service == "AmazonSQS" else self._dynamodb(operation, values)
        body = json.dumps(answer).encode()
        headers = {"Content-Type": "application/x-amz-json-1.0", "x-amz-crc32": str(zlib.crc32(body))}
        return "SQS" if service == "AmazonSQS" else "DynamoDB", operation, 200, headers, body

    def _s3(self, request: Request) -> tuple[str, int, dict[str, str], bytes]:
        if request.method == "PUT":
            return "PutObject", 200, {"ETag": '"variant"'}, b""
        data, crc32 = self._originals[original_of(request.path)]
        headers = {
            "ETag": f'"{etag_of(request.path)}"',
            "Content-Type": "image/jpeg",
            "Content-Length": str(len(data)),
            "Last-Modified": "Sat, 21 Nov 2026 07:00:00 GMT",
        }
        if request.method == "HEAD":
            return "HeadObject", 200, headers, b""
        if request.headers.get("x-amz-checksum-mode") == "ENABLED":
            headers["x-amz-checksum-crc32"] = crc32
        return "GetObject", 200, headers, data

    def _dynamodb(self, operation: str, values: dict[str, Any]) -> dict[str, Any]:
        """Every condition is met, because every upload is new."""
        if operation == "PutItem":
            self.items[json.dumps(values["Item"].get("object") or values["Item"].get("id"))] = values["Item"]
            return {}
        key = json.dumps(values["Key"].get("object") or values["Key"].get("id"))
        names, known = values["ExpressionAttributeNames"], values["ExpressionAttributeValues"]
        old = self.items.get(key, {})
        sets = re.findall(r"(#\w+) = (:\w+)", values["UpdateExpression"])
        self.items[key] = old | values["Key"] | {names[name]: known[value] for name, value in sets}
        return {"Attributes": old} if old and values.get("ReturnValues") == "ALL_OLD" else {}

    def _sqs(self, values: dict[str, Any]) -> dict[str, Any]:
        self.postponed += [entry["ReceiptHandle"] for entry in values["Entries"]]
        return {"Successful": [{"Id": entry["Id"]} for entry in values["Entries"]], "Failed": []}


async def _read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Request:
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")[:-2]
    method, path, _ = first.split(" ")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    if headers.get("expect") == "100-continue":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    if headers.get("transfer-encoding") == "chunked":
        return Request(method, path, headers, await _read_chunks(reader))
    return Request(method, path, headers, await reader.readexactly(int(headers.get("content-length", 0))))


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    body = bytearray()
    while size := int(await reader.readline(), 16):
        body += await reader.readexactly(size)
        await reader.readexactly(2)
    await reader.readline()
    return bytes(body)


def _crc32(data: bytes) -> str:
    return base64.b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()


def _write_certificate(certificate: Path, key: Path) -> None:
    """A certificate for loopback that is valid for a day."""
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, HOST)])
    now = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder(name, name, private.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(HOST))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(private, hashes.SHA256())
    )
    certificate.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    key.write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
