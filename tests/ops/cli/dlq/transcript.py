"""The story of docs/operating.md, played on a running stack: uploads that fail with four causes, and their redrive.

One cause is a bug, in `tests.ops.cli.dlq.faulty`.

``python -m tests.ops.cli.dlq.transcript --write`` plays it with 500 uploads on a stack of its own and writes what the
commands printed into the document; without ``--write`` it prints that. `test_transcript` plays it with fewer good
uploads and compares.
"""

import functools
import io
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from PIL import Image

from ops.cli.dlq.groups import group
from ops.cli.dlq.history import caller
from ops.cli.dlq.selection import read_queue
from ops.cli.stage import Stage
from ops.local.emulator import CONFIG
from ops.local.stack import LocalStack
from processing.ledger import ImagesTable, Version
from tests.ops.cli.dlq.faulty import FaultyFunction, faulty_checkout

ROOT = Path(__file__).resolve().parents[4]
DOCUMENT = ROOT / "docs" / "operating.md"
BEGIN, END = "<!-- transcript: begin -->\n", "<!-- transcript: end -->"
CORRUPT, UNSUPPORTED, DENIED, FAULTY = 20, 10, 15, 15
FAILING = CORRUPT + UNSUPPORTED + DENIED + FAULTY
UPLOADS = 500
CAUSES = {
    "CorruptImage": CORRUPT,
    "AccessDenied:s3:GetObject": DENIED,
    "UnsupportedFormat": UNSUPPORTED,
    "ZeroDivisionError": FAULTY,
}
RETRIED = ("private", "panorama")  # folders whose uploads die of the last attempt, not of the first
SETTLED_WITHIN = 900  # seconds
OVER = 30  # seconds after which a receive has come to its end, one way or the other


class RouteHandler:
    """The uploads, what is broken meanwhile, and every command with what it printed."""

    def __init__(self, stack, *, uploads=UPLOADS):
        session = stack.running.credentials.session(stack.region)
        client = functools.cache(lambda name: session.client(name, endpoint_url=stack.endpoint, config=CONFIG))
        self.stage = Stage.of("local", stack.region, stack.outputs, client)
        self.good = uploads - FAILING
        self.faulty = FaultyFunction(stack.client("lambda"), self.stage.consumer)
        self.lines = []
        path = f"{ROOT / 'bin'}{os.pathsep}{os.environ['PATH']}"  # as the reader has it, who types darkroom
        own = {"COLUMNS": "120", "PYTHONUNBUFFERED": "1", "DARKROOM_STAGE": "local", "PATH": path}
        self._environment = os.environ | stack.environ() | own
        self._s3 = stack.client("s3")
        self._sqs = stack.client("sqs")
        self._table = ImagesTable(stack.client("dynamodb"), self.stage.images_table)
        self._folder = f"images/{os.urandom(3).hex()}"
        self._receives = {}
        self._sqs.meta.events.register("after-call.sqs.ReceiveMessage", self._note)

    def play(self):
        """Everything, from the first upload to the last command."""
        with tempfile.TemporaryDirectory() as checkout, self.faulty:
            self._until_it_runs(self.faulty.code_version)
            with self.permission_taken_away():
                self.upload()
                self.let_them_die()
            self.say(f"{self.good + FAILING} uploads; {FAILING} fail, with four causes")
            groups = self.run("dlq", "groups")
            self.say("ZeroDivisionError is neither an AWS error nor a file error: it is a bug. Where is it?")
            self.run("dlq", "show", example_of("ZeroDivisionError", groups))
            self.say("The same bytes through the same code, on this machine")
            faulty_checkout(Path(checkout))
            self.run("replay", example_of("ZeroDivisionError", groups), cwd=Path(checkout))
        self._until_it_runs(self.faulty.fixed_version)
        self.say("The line is fixed, and the function is deployed again. The two oldest go first, then the rest")
        self.run("dlq", "redrive", "--cause", "ZeroDivisionError", "--canary", "2", "--wait")
        self.say("Which permission is denied?")
        self.run("dlq", "list", "--cause", "AccessDenied", "--limit", "3")
        self.say("The permission is restored")
        self.run("dlq", "redrive", "--cause", "AccessDenied", "--canary", "2", "--wait")
        self.say("The broken files are still broken: their canaries stop the redrive")
        self.run("dlq", "redrive", "--cause", "CorruptImage", "--canary", "2")
        self.run("dlq", "redrive", "--cause", "UnsupportedFormat", "--canary", "2")
        self._wait(lambda: self._dead() == CORRUPT + UNSUPPORTED)
        self.run("dlq", "groups")
        self.run("dlq", "history", "--limit", "4")

    def say(self, sentence):
        """A line of comment."""
        self.lines.append(f"# {sentence}.\n" if not sentence.endswith("?") else f"# {sentence}\n")

    def run(self, *arguments, cwd=ROOT):
        """Run one command as a person would; returns and keeps what it printed, and its exit code if it is not 0."""
        done = subprocess.run(
            [sys.executable, "-m", "ops", *arguments],
            cwd=cwd,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.lines.append(f"$ darkroom {' '.join(arguments)}\n{anonymous(done.stdout, cwd)}")
        self.lines.append(f"[exit code {done.returncode}]\n\n" if done.returncode else "\n")
        return done.stdout

    def causes(self):
        """How many messages there are of each cause."""
        found = Counter[str]()
        for one in group(read_queue(self.stage).diagnoses):
            found[one.cause.id if one.cause.id in CAUSES else one.cause.name] += len(one.members)
        return found

    def permission_taken_away(self):
        """The bucket denies the folder ``private`` to everybody while the block runs."""
        return _Denied(self._s3, self.stage.uploads_bucket, f"{self._folder}/private/*")

    def upload(self):
        """Good files, corrupt ones, such as are no images, good ones that nobody may read, and some that meet a bug."""
        good = [(f"good/{n:03}.jpg", _picture(n)) for n in range(self.good)]
        corrupt = [(f"camera/{n:02}.jpg", _picture(0)[:-200]) for n in range(CORRUPT)]
        unsupported = [(f"notes/{n:02}.jpg", b"Dear diary, page %d" % n) for n in range(UNSUPPORTED)]
        denied = [(f"private/{n:02}.jpg", _picture(n)) for n in range(DENIED)]
        panoramas = [(f"panorama/{n:02}.jpg", _picture(n, (640, 32))) for n in range(FAULTY)]
        with ThreadPoolExecutor(4) as pool:
            self.versions = list(pool.map(self._put, [*good, *corrupt, *unsupported, *denied, *panoramas]))

    def _put(self, file):
        name, body = file
        key = f"{self._folder}/{name}"
        answer = self._s3.put_object(Bucket=self.stage.uploads_bucket, Key=key, Body=body, ContentType="image/jpeg")
        return Version(self.stage.uploads_bucket, key, answer["ETag"].strip('"'))

    def let_them_die(self):
        """Until all good ones are done and all others dead, with the hours between the attempts left out."""
        self._wait(lambda: self._bring_back() or (self._dead() == sum(CAUSES.values()) and self._done()))
        assert self.causes() == CAUSES
        self.deaths = {record.version.key: record.deaths for record in self.records("panorama")}
        self.attempts = {record.version.key: record.attempts for record in self.records("private")}

    def _until_it_runs(self, code_version):
        """Until the function is the one with this version: it is looked at once a second."""

        def runs():
            version = self._put((f"probe/{os.urandom(4).hex()}.jpg", _picture(0)))
            self._wait(lambda: self._done_of(version))
            return self._done_of(version).code_version == code_version

        self._wait(runs)

    def _done_of(self, version):
        record = self._table.read([version]).get(version)
        return record if record and record.status == "DONE" else None

    def _dead(self):
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        counts = self._sqs.get_queue_attributes(QueueUrl=self.stage.dlq_url, AttributeNames=names)["Attributes"]
        return sum(map(int, counts.values()))

    def _done(self):
        return sum(record.status == "DONE" for record in self.records("good")) == self.good

    def records(self, folder):
        """What the ledger knows of the uploads of one folder."""
        asked = [version for version in self.versions if f"/{folder}/" in version.key]
        return list(self._table.read(asked).values())

    def _note(self, parsed, **_more):
        """Remember by which handle, and for the how many-th time, the consumer received each message of ours."""
        for message in parsed.get("Messages", ()):
            for record in json.loads(message["Body"]).get("Records", ()):
                key = record["s3"]["object"]["key"].replace("%2F", "/")
                count = int(message.get("Attributes", {}).get("ApproximateReceiveCount", 0))
                self._receives[key] = message["ReceiptHandle"], count, time.monotonic()

    def receives(self, key):
        """For the how many-th time the consumer received the last message of an object."""
        return self._receives[key][1]

    def _bring_back(self):
        """Make each message whose attempt has failed visible at once, instead of after its back-off."""
        for record in (record for folder in RETRIED for record in self.records(folder)):
            handle, count, at = self._receives.get(record.version.key, ("", 0, 0.0))
            # a receive without an attempt, as on a busy machine, leaves the record as it was
            over = record.attempts == count or time.monotonic() - at > OVER
            if record.status == "FAILED" and over:
                entries = [{"Id": "0", "ReceiptHandle": handle, "VisibilityTimeout": 0}]
                self._sqs.change_message_visibility_batch(QueueUrl=self.stage.queue_url, Entries=entries)

    @staticmethod
    def _wait(condition):
        end = time.monotonic() + SETTLED_WITHIN
        while not condition():
            assert time.monotonic() < end, f"not within {SETTLED_WITHIN} s"
            time.sleep(0.5)

    @property
    def text(self):
        """The transcript, with a user and a folder that belong to nobody."""
        text = re.sub(r" +$", "", "".join(self.lines), flags=re.MULTILINE).rstrip("\n") + "\n"
        name = caller(self.stage)
        text = text.replace(self._folder, "images/summer").replace(self._folder.replace("/", "%2F"), "images%2Fsummer")
        return text.replace(name, "you@host".ljust(len(name)))

    def close(self):
        """Listen no more."""
        self._sqs.meta.events.unregister("after-call.sqs.ReceiveMessage", self._note)


class _Denied:
    def __init__(self, s3, bucket, keys):
        self._s3, self._bucket = s3, bucket
        deny = {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:GetObject",
            "Resource": f"arn:aws:s3:::{bucket}/{keys}",
        }
        self._policy = json.dumps({"Version": "2012-10-17", "Statement": [deny]})

    def __enter__(self):
        self._s3.put_bucket_policy(Bucket=self._bucket, Policy=self._policy)

    def __exit__(self, *_error):
        self._s3.delete_bucket_policy(Bucket=self._bucket)


def normalized(text):
    """The words of a transcript, without what differs from run to run: ids, times, numbers of files, widths."""
    for pattern, word in (
        (r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "UUID"),
        (r"\b\d+ uploads\b", "N uploads"),
        (r"Traceback \(most recent call last\):\n.*?\n *(?=\w+Error: )", "TRACE "),
        (r"\.py:\d+ ", ".py:N "),
        (r"consumer-\d+\)", "consumer-N)"),
        (r"\b[\d,]+ bytes\b", "BYTES"),
        (r"\b\d+\.\d\b|\b\d+ MB\b|\b\d+ ms\b|at the peak \d+|of \d+ MB", "FIGURE"),
        (r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d+)?)?Z?", "TIME"),
        (r"\b[0-9a-f]{32}\b", "ETAG"),
        (r"\b(?=[a-f]*\d)[0-9a-f]{7,12}\b", "ID"),
        (r"\b\d+ (s|min|h)\b", "AGE"),
        (r'(bytes|"size":) +\d+', "SIZE"),
        (r"((?:AccessDenied|ZeroDivision)\S+ +AGE +AGE|\n +attempts) +\d+", "TRIES"),
        (r"(?<!\d)\d\d\.jpg", "NN.jpg"),
        (r'"configurationId": "\w+"', '"configurationId": "ID"'),
    ):
        text = re.sub(pattern, word, text, flags=re.DOTALL)
    return text.split()


def documented(document):
    """The transcript that a document shows."""
    return document.partition(BEGIN)[2].partition(END)[0].removeprefix("\n```console\n").removesuffix("```\n\n")


def written(document, text):
    """The document with another transcript."""
    before, begin, rest = document.partition(BEGIN)
    return f"{before}{begin}\n```console\n{text}```\n\n{END}{rest.partition(END)[2]}"


def example_of(cause, groups):
    """The id of the example that ``dlq groups`` shows of a cause."""
    found = re.search(rf"{cause}.* (\w{{8}})$", groups, re.MULTILINE)
    assert found is not None, groups
    return found[1]


def anonymous(text, checkout):
    """Tracebacks without the folders of this machine: the function's code is in /var/task, and that is ~/darkroom."""
    text = re.sub(r'File "[^"]*/code/((?:processing|handlers)/)', r'File "/var/task/\1', text)
    text = text.replace(str(checkout.resolve()), "~/darkroom").replace(str(checkout), "~/darkroom")
    return re.sub(r'File "[^"]*/(site-packages|lib/python[\d.]+)/', r'File ".../\1/', text)


def _picture(number, size=(64, 48)):
    out = io.BytesIO()
    Image.linear_gradient("L").resize(size).rotate(number).convert("RGB").save(out, "JPEG")
    return out.getvalue()


def main():
    """Play the whole story on a stack of its own."""
    with (
        tempfile.TemporaryDirectory() as folder,
        LocalStack(ROOT, work_dir=Path(folder), progress=lambda said: print(said, file=sys.stderr)) as stack,
    ):
        story = RouteHandler(stack)
        story.play()
    if "--write" in sys.argv[1:]:
        DOCUMENT.write_text(written(DOCUMENT.read_text(encoding="utf-8"), story.text), encoding="utf-8")
    else:
        sys.stdout.write(story.text)


if __name__ == "__main__":
    main()
