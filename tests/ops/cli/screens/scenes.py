"""What each command that prints a table has to print here: the same on any day and any machine."""

import json
from collections import Counter, defaultdict
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import typer

from ops.cli import announce, main
from ops.cli.audit import report as audit
from ops.cli.audit.judge import AuditTotals, Finding, FindingKind, Fine
from ops.cli.audit.repair import Repaired
from ops.cli.backfill import command as backfill
from ops.cli.backfill.run import BackfillTotals
from ops.cli.backfill.wanted import Decision
from ops.cli.dlq import history, view
from ops.cli.dlq import report as dlq_report
from ops.cli.dlq.causes import Cause, DeadMessage, Diagnosis
from ops.cli.dlq.groups import group
from ops.cli.doctor import report as doctor
from ops.cli.doctor.results import CheckResult, CheckStatus
from ops.cli.erase import command as erase
from ops.cli.erase.run import Erased
from ops.cli.folders import OddFile
from ops.cli.follow import End
from ops.cli.logs import command as logs
from ops.cli.logs.reading import LogEvent, Traceback
from ops.cli.main import make_app
from ops.cli.mapping import StageMapping
from ops.cli.queues import Depth
from ops.cli.recipes import VariantPlan, VariantState, read_recipe
from ops.cli.replay import command as replay
from ops.cli.replay.running import Replay, ReplayTarget
from ops.cli.show import command as show
from ops.cli.show.facts import ObjectFacts, StoredUpload, VariantFacts
from ops.cli.stage import Stage
from ops.cli.start import report as start
from ops.cli.status import command as status
from ops.cli.status import parameters
from ops.cli.status.account import Concurrency
from ops.cli.status.health import AlarmStates, Deployed, FunctionHealth, Health, Percentiles
from ops.cli.status.metrics import Outcomes
from ops.cli.status.reading import Rate, StageStatus
from ops.cli.tables import advise
from ops.cli.terminal import stderr, stdout
from ops.cli.upload import report as upload
from ops.cli.upload.files import LocalFile
from ops.cli.upload.run import Result, Verdict
from processing.erasure.receipt import Receipt
from processing.events import ObjectCreated
from processing.imaging import Rendered
from processing.ledger import ImageRecord, Phase, Reason, Record, Status, VariantRecord, Version
from processing.picture import Preview, RenderedVariant, Source
from tests.ops.cli.start.makers import dead, done

NOW = datetime(2026, 11, 26, 14, 0, tzinfo=UTC).timestamp()
STAGE = Stage.of("prod", "eu-west-1", defaultdict(str, UploadsBucket="uploads"), lambda _service: None)
CAT = "images/2026/summer/IMG_20260714_181523.jpg"
LONG = f"images/customers/anna-maria/2026/{'a very long folder of holidays/' * 3}IMG_20260714_181523_edited.jpg"
WHERE = "imaging/steps.py:84 turn_upright < imaging/steps.py:145 take < imaging/render.py:89 _scaled"
TRACE = """Traceback (most recent call last):
  File "/var/task/processing/imaging/steps.py", line 84, in turn_upright
    _tiles = 100 // (10 * image.height // image.width)
             ~~~~^^~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
ZeroDivisionError: integer division or modulo by zero
"""
WHY = "jpeg: image file is truncated (12 bytes not processed); the decoder read 1,048,576 of 2,097,152 bytes"


def _diagnosis(number: int, key: str, cause: Cause, message: str, *, hours: float, status: Status) -> Diagnosis:
    died = NOW - hours * 3600
    sent = {"SentTimestamp": str(round((died - 840) * 1000))}
    body = json.dumps({"Records": [{"s3": {"object": {"key": key}}}]})
    letter = DeadMessage(f"{number:08x}-6b17-4580-a8b1-9cd37b88fb8a", "handle", body, sent)
    event = ObjectCreated("uploads", key, "d44cbec1759ad3fb4dbff8f187e0fa4a", time="2026-11-25T06:00:00.159Z")
    bug = (cause.place, WHERE) if cause.name == "ValueError" else ("", "")
    reason = Reason(cause.name, message, *bug, request_id="14f2ec83-dd1d-44ea-a28e-78df229f73cf")
    version = Version("uploads", key, event.etag)
    record = Record(version, status, attempts=5, updated_at=round(died), code_version="8917f4ed5735", reason=reason)
    return Diagnosis(letter, cause, message, event, record)


def diagnoses() -> list[Diagnosis]:
    """Four dead messages of three causes."""
    corrupt, denied = Cause("CorruptImage"), Cause("AccessDenied", "s3:GetObject")
    refused = f"s3:GetObject {LONG}: AccessDenied: Forbidden"
    return [
        _diagnosis(0x61A0B4F6, CAT, corrupt, WHY, hours=30, status=Status.REJECTED),
        _diagnosis(0x0B22C7E1, "images/a.jpg", corrupt, WHY, hours=2.2, status=Status.REJECTED),
        _diagnosis(0x5589AB22, LONG, denied, refused, hours=0.5, status=Status.FAILED),
        _diagnosis(
            0x71AB949C, CAT, Cause("ValueError", "ab12cd34"), "not a bug\nof ours", hours=0.01, status=Status.FAILED
        ),
    ]


def failed() -> None:
    hint = STAGE.command("dlq", "list")
    with suppress(typer.Exit):
        main._fail(f"no message has the id zzzz, and this sentence is longer than a line: list them with: {hint}", 1)


def dlq_groups() -> None:
    stdout().print(view.table_of_groups(group(diagnoses()), NOW))


def dlq_list() -> None:
    stdout().print(view.table_of_messages(diagnoses(), NOW))


def dlq_show() -> None:
    _dlq_show(diagnoses()[2])


def dlq_show_of_a_bug() -> None:
    _dlq_show(diagnoses()[3], Traceback("/aws/lambda/darkroom-prod-consumer", "2026/11/26/[$LATEST]ab12", TRACE))


def _dlq_show(found: Diagnosis, trace: Traceback | None = None) -> None:
    now = {
        "state": "unchanged",
        "etag": "d44cbec1759ad3fb4dbff8f187e0fa4a",
        "bytes": 1103,
        "content_type": "image/jpeg",
    }
    advice = {
        "meaning": "The consumer's role may not do this, or a bucket, queue or key policy denies it.",
        "remedy": "Restore the permission (resources/roles.yml has what the consumer needs), and redrive.",
    }
    view.print_message(view.as_document(found) | {"object_now": now, "runbook": advice}, found, trace)


def dlq_history() -> None:
    which = "redrive", "anna@host", f"--cause AccessDenied:s3:GetObject --where '{LONG[:40]}*'"
    entries = [
        history.Entry("2026-11-26T02:27:01Z-a23f72d9", *which, messages=20, sent=20, passed=20, result="done"),
        history.Entry(
            "2026-11-25T23:02:59Z-0b22c7e1",
            "purge",
            "arn:aws:sts::1:assumed-role/op/bob",
            "--all",
            messages=1200,
            sent=1200,
            result="stopped at the canary",
        ),
    ]
    stdout().print(history.table_of_entries(entries))


def dlq_purge() -> None:
    dlq_report.print_chosen(diagnoses(), "deleted", as_json=False)


def announced() -> None:
    announce._report(
        announce.Announcement(1300, Counter({"Image Ready": 1298, "Image Failed": 1})), as_json=False, dry_run=True
    )


def audited() -> None:
    totals = AuditTotals(
        1200, 3600, 0, Counter({FindingKind.NOT_DONE: 1, FindingKind.STALE: 1}), Counter({Fine.RETRYING: 3})
    )
    found = [
        Finding(FindingKind.NOT_DONE, LONG, f"FAILED: CorruptImage: {WHY}"),
        Finding(FindingKind.STALE, f"phone/{CAT}", "made with other settings than the current recipe's"),
    ]
    queues = audit.Queues(Depth(12, 1, 0), 1, STAGE.command("dlq", "groups"))
    audit.report(totals, found, Repaired(sent=1, left={LONG: "changed meanwhile"}), queues, would=False, as_json=False)


def backfilled() -> None:
    decisions = Counter({Decision.WANTED: 1200, Decision.DONE: 3, Decision.ARCHIVED: 1})
    backfill._report(BackfillTotals(decisions, 12_000_000, 1200), as_json=False)


def checked() -> None:
    results = [
        CheckResult(CheckStatus.OK, "eu-west-1, as an identity that may look", name="credentials"),
        CheckResult(
            CheckStatus.WARN,
            "the account's concurrency is 10, of which the mapping can take all: uploads may wait for one another",
            "Lower maximumConcurrency, or have the limit raised in Service Quotas: it takes a day",
            name="concurrency",
        ),
        CheckResult(CheckStatus.SKIPPED, "not without the above", name="from upload to ready"),
    ]
    stdout().print(doctor.page(results))
    stderr().print(doctor.summary(results, is_before=True))


def erasing() -> None:
    class Surveyor:
        def survey(self, _intent: Any) -> dict[str, int]:
            return {"originals": 2, "variants": 3, "records": 1}

    intents: Any = [type("Intent", (), {"object": f"uploads/{key}"}) for key in (CAT, LONG)]
    erase._print_plan(Surveyor(), intents, as_json=False)  # type: ignore[arg-type]


def erased() -> None:
    expires = [{"by": "2026-12-10", "what": "the lines of the consumer's log that name the object"}]
    copies = ["copies that others made of the variants, such as a browser's cache"]
    document = {
        "gone": {"variants": {"desktop": 1, "phone": 1}},
        "receipt": "9f86d081884c",
        "expires": expires,
        "out_of_reach": copies,
    }
    receipts = {f"uploads/{key}": Receipt("id", "digest", document) for key in (CAT, LONG)}
    erase._print(
        Erased(receipts, [], {"uploads/images/b.jpg": "Busy: a worker has it"}),
        STAGE.command("erase", "--pending"),
        as_json=False,
    )


def estimated() -> None:
    make_app()(["estimate", "--with", "events"], standalone_mode=False)


def logged() -> None:
    fields = {
        "level": "ERROR",
        "message": "failed",
        "object": f"uploads/{LONG}",
        "outcome": "failed",
        "request_id": "14f2ec83-dd1d-44ea-a28e-78df229f73cf",
        "traceback": TRACE,
    }
    texts = json.dumps(fields), json.dumps({"_aws": {}, "Images": 1}), "RequestId: 14f2ec83 Error:\nRuntime exited"
    logs.print_events([LogEvent("id", NOW + n, "2026/11/26/[$LATEST]ab12", text) for n, text in enumerate(texts)])


def planned() -> None:
    make_app()(["estimate", "--plan"], standalone_mode=False)


def replayed() -> None:
    variants = tuple(
        RenderedVariant(name, "jpeg", "image/jpeg", 1920, 1280, b"x" * 12345) for name in ("desktop", "phone")
    )
    source = Source("jpeg", "RGB", 4032, 3024, False, 1, None)
    made = Replay(2_345_678, {"fetch": 12.3, "open": 1.0, "decode": 92.34}, 254.1, price=120.0)
    made.rendered = Rendered(source, variants, ("animation",), Preview("", "#000000"))
    files = {"desktop": f"/tmp/variants/desktop/{LONG[-60:]}", "phone": "/tmp/variants/phone/IMG.jpg"}
    replay._print(ReplayTarget(LONG, "d44cbec1759ad3fb4dbff8f187e0fa4a", "what is there now"), made, files)


def shown() -> None:
    variants = tuple(
        VariantRecord(name, f"{name}/{LONG.removeprefix('images/')}", "jpeg", 1920, 1280, 123_456)
        for name in ("desktop", "phone")
    )
    image = ImageRecord(
        "jpeg",
        "RGB",
        4032,
        3024,
        2_345_678,
        "image/jpeg",
        False,
        None,
        variants,
        ("animation",),
        timings={"fetch": 12, "render": 254},
    )
    record = Record(
        Version("uploads", LONG, "e1"),
        Status.DONE,
        attempts=1,
        updated_at=round(NOW),
        code_version="8917f4ed5735",
        uploaded_at="2026-11-26T13:59:58.159Z",
        image=image,
    )
    failed = Record(
        Version("uploads", LONG, "e0"),
        Status.REJECTED,
        attempts=1,
        updated_at=round(NOW),
        reason=Reason("CorruptImage", WHY),
    )
    stored = StoredUpload("e1", 2_345_678, "image/jpeg", "2026-11-26T13:59:58+00:00")
    now = [
        VariantFacts(each, state, "https://variants.example/link")
        for each, state in zip(variants, VariantState, strict=False)
    ]
    found = ObjectFacts("uploads", LONG, stored, "https://uploads.example/link", [record, failed], record, now, record)
    show.print_page(found, VariantPlan(read_recipe(), "images/"))
    for sentence in show.advice(found, STAGE):
        advise(sentence)


def started() -> None:
    ends: list[End[Any]] = [
        done("IMG_20260714_181523.jpg"),
        done(LONG, timings={"fetch": 3, "render": 250}),
        dead("it's.jpg", message=WHY),
    ]
    totals = start.total(
        ends,
        seconds=2.5,
        duplicates=1,
        skipped_files=1,
        messages_left=False,
        contact_sheet=Path("out/index.html"),
        again=None,
        odd_files=[OddFile(Path("summer/locked.jpg"), "cannot be read (Permission denied)")],
    )
    start.show(stdout(), ends, totals)


def started_and_interrupted() -> None:
    end, version = done("slow.jpg"), Version("uploads", "images/slow.jpg", "e1")
    ends: list[End[Any]] = [done("IMG_20260714_181523.jpg"), End(end.subject, version, None)]
    totals = start.total(
        ends,
        seconds=2.5,
        duplicates=0,
        skipped_files=0,
        messages_left=True,
        contact_sheet=Path("out/index.html"),
        again=None,
        interrupted=True,
        not_uploaded=37,
    )
    start.show(stdout(), ends, totals)


TIME = datetime(2026, 11, 26, 14, 0, tzinfo=UTC)
DEPLOYED = Deployed("8917f4ed5735", "fade12ab34cd", "2026-11-26T02:26:37.000+0000")


def looked() -> None:
    rate = Rate(25.0, 0.5, 24.5, "CloudWatch, 5 minutes")
    outcomes = Outcomes({"done": 1300, "rejected": 12, "failed": 2, "duplicate": 1}, "CloudWatch, by delivery")
    mapping = StageMapping("uuid", "Enabled", 10, 10, 0)
    health = Health(
        FunctionHealth(1200, 3, 1, Percentiles(2345.0, 30_000.0), Percentiles(4000.0, 61_000.0)),
        AlarmStates({"ALARM": 2, "OK": 9}, ["bugs", "dead-letters"]),
        DEPLOYED,
    )
    found = StageStatus(TIME, Depth(1200, 20, 5), 1, 310.0, mapping, rate, outcomes, Concurrency(10, 10), health)
    stdout().print(status.page(STAGE, found))


def looked_at_a_healthy_stage() -> None:
    rate = Rate(1.5, 1.5, 0.0, "CloudWatch, 5 minutes")
    outcomes = Outcomes({"done": 5390, "duplicate": 2}, "CloudWatch, by delivery")
    mapping = StageMapping("uuid", "Enabled", 5, 50, 1)
    health = Health(
        FunctionHealth(480, 0, 0, Percentiles(2300.0, 6000.0), Percentiles(2600.0, 4700.0)),
        AlarmStates({"OK": 12}, []),
        DEPLOYED,
    )
    found = StageStatus(TIME, Depth(0, 0, 0), 0, None, mapping, rate, outcomes, Concurrency(1000, 1000), health)
    stdout().print(status.page(STAGE, found))


def looked_at_parameters() -> None:
    given = {"alarmEmail": "(given)", "uploadsBucket": "a-bucket-with-a-long-name-that-was-there-before"}
    defaults = {"alarmEmail": "", "batchSize": "10", "events": "false", "maximumConcurrency": "10"}
    stdout().print(parameters.table_of_parameters(given, defaults))


def uploaded() -> None:
    results = [
        Result(LocalFile(Path("summer/cat.jpg"), CAT, 2_345_678), Verdict.UPLOADED, "e1"),
        Result(LocalFile(Path("summer/bad.jpg"), LONG, 1_234), Verdict.REFUSED, why=f"CorruptImage: {WHY}"),
    ]
    ends = [End(results[0], Version("uploads", CAT, "e1"), Phase.DONE)]
    odd = [OddFile(Path("summer/pipe.jpg"), "is no file (a pipe, a socket or a device)")]
    upload.show(upload.Summary(results, 1, 2.5, False, 1, ends, odd), STAGE)


SCENES = {
    "announce": announced,
    "audit": audited,
    "backfill": backfilled,
    "dlq-groups": dlq_groups,
    "dlq-history": dlq_history,
    "dlq-list": dlq_list,
    "dlq-purge": dlq_purge,
    "dlq-show": dlq_show,
    "dlq-show-bug": dlq_show_of_a_bug,
    "doctor": checked,
    "erase-dry-run": erasing,
    "error": failed,
    "erase": erased,
    "estimate": estimated,
    "logs": logged,
    "plan": planned,
    "replay": replayed,
    "show": shown,
    "start": started,
    "start-interrupted": started_and_interrupted,
    "status": looked,
    "status-healthy": looked_at_a_healthy_stage,
    "status-parameters": looked_at_parameters,
    "upload": uploaded,
}
