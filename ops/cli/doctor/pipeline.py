"""Sends the doctor's pictures, and follows them: to variants and links, and the broken one to the dead-letter queue."""

import io
import statistics
from collections.abc import Iterator
from typing import Final

import requests
from botocore.exceptions import BotoCoreError, ClientError
from PIL import Image

from ops.cli.doctor.checkup import Checkup, SentPicture
from ops.cli.doctor.cleaning import DeadLetters
from ops.cli.doctor.following import follow
from ops.cli.doctor.pictures import BROKEN, FORM, HEIC, PICTURES, DoctorPicture
from ops.cli.doctor.results import CheckResult, action_of, fail, is_refused, ok, skipped, warn
from processing.ledger import Phase, VariantRecord
from processing.storage.refusals import code_of

HTTP_TIMEOUT: Final = 20.0  # seconds
SLOW: Final = 60.0  # seconds from upload to variants that nobody would call usual
CORRUPT: Final = "CorruptImage"
UNSUPPORTED: Final = "UnsupportedFormat"
ALPHA_FORMATS: Final = ("png", "webp", "avif")
NOT_SENT: Final = "no picture was uploaded"
POLICY_ADVICE: Final = "Attach the stack's policy (output OperatorPolicyArn) to your role."


def check_upload(checkup: Checkup) -> CheckResult:
    """Upload every picture under the reserved prefix."""
    checkup.has_uploaded = True  # even a request that fails may have left something
    pictures = (*PICTURES, HEIC, BROKEN)
    for picture in pictures:
        try:
            _send(checkup, picture)
        except (ClientError, BotoCoreError) as error:
            if is_refused(error):
                return fail(f"denied: {action_of(error)}", POLICY_ADVICE)
            return fail(f"{code_of(error)}: {error}")
    return ok(f"{len(pictures)} pictures below {checkup.folder}")


def check_variants(checkup: Checkup) -> CheckResult:
    """Follow them to their ends; then get every variant by a link, and look at it."""
    if not checkup.sent:
        return skipped(NOT_SENT)
    follow(checkup, [*checkup.sent.values()], checkup.timeout)
    problems, variants = list[str](), 0
    sent = [picture for picture in (*PICTURES, FORM) if picture.name in checkup.sent]
    for picture in sent:
        found = _ended(checkup, picture.name)
        if (trouble := _trouble(found)) is not None:
            problems.append(f"{picture.name}: {trouble}")
            continue
        assert found.end is not None
        assert found.end.record is not None
        variants += len(found.end.record.variants)
        problems += [f"{picture.name}: {each}" for each in _wrong_variants(checkup, picture, found.end.record.variants)]
    if problems:
        return fail("; ".join(problems), f"See the function's log, and: {checkup.deployed.command('status')}")
    return ok(f"{variants} variants of {len(sent)} pictures, by their links: size, orientation, transparency")


def check_heic(checkup: Checkup) -> CheckResult:
    """Whether the stage reads HEIC, which is an option of the package."""
    if HEIC.name not in checkup.sent:
        return skipped(NOT_SENT)
    found = _ended(checkup, HEIC.name)
    if found.end and found.end.phase is Phase.REJECTED and found.end.cause == UNSUPPORTED:
        return skipped(
            "this stage reads no HEIC", "iPhones send it: add pi_heif to requirements-base.txt, run npm run lock."
        )
    if (trouble := _trouble(found)) is not None:
        return fail(trouble)
    assert found.end is not None
    assert found.end.record is not None
    wrong = list(_wrong_variants(checkup, HEIC, found.end.record.variants))
    return fail("; ".join(wrong)) if wrong else ok("read, and made into variants")


def check_broken(checkup: Checkup) -> CheckResult:
    """Whether a broken picture is rejected with its cause, and its message is a dead letter within seconds."""
    if BROKEN.name not in checkup.sent:
        return skipped(NOT_SENT)
    found = _ended(checkup, BROKEN.name)
    if found.end is None or found.end.phase is not Phase.REJECTED:
        return fail(f"a JPEG that was cut off was not rejected: {_state(found)}")
    if found.end.cause != CORRUPT:
        return fail(f"a JPEG that was cut off was rejected as {found.end.cause}, not as {CORRUPT}")
    dead = DeadLetters(checkup)
    if dead.are_too_many():
        return warn(
            f"rejected as {CORRUPT}; its dead letter was not searched among more than {dead.most:,}",
            f"Look at them: {checkup.deployed.command('dlq', 'groups')}",
        )
    checkup.searched.add(found.key)
    if not dead.take([found.key], checkup.timeout):
        return fail(
            f"rejected as {CORRUPT}, and not in the dead-letter queue after {checkup.timeout:.0f} s",
            "Deploy the stage again: without its redrive policy, failed messages come back for ever.",
        )
    seconds = checkup.monotonic() - found.sent_at
    return ok(f"rejected as {CORRUPT} after {found.seconds:.1f} s, a dead letter", seconds=round(seconds, 2))


def check_speed(checkup: Checkup) -> CheckResult:
    """From the answer to each PUT to DONE in the images table; what was posted before them is followed too late."""
    good = [each for each in checkup.sent.values() if each.end and each.end.phase is Phase.DONE]
    took = {each.name: round(each.seconds, 2) for each in good if each.seconds is not None and each.name != FORM.name}
    if not took:
        return skipped("no picture was finished")
    median = statistics.median(took.values())
    each = ", ".join(f"{name} {seconds:.1f}" for name, seconds in took.items())
    sentence = f"median {median:.1f} s ({each})"
    if median > SLOW:
        return warn(sentence, f"Is there a backlog? {checkup.deployed.command('status')}", median=median, each=took)
    return ok(sentence, median=median, each=took)


def _send(checkup: Checkup, picture: DoctorPicture) -> None:
    key = f"{checkup.folder}{picture.file}"
    answer = checkup.client("s3").put_object(
        Bucket=checkup.deployed.uploads_bucket, Key=key, Body=picture.make(), ContentType=picture.content_type
    )
    checkup.sent[picture.name] = SentPicture(picture.name, key, answer["ETag"].strip('"'), checkup.monotonic())


def _ended(checkup: Checkup, name: str) -> SentPicture:
    if checkup.sent[name].end is None:
        follow(checkup, [*checkup.sent.values()], checkup.timeout)
    return checkup.sent[name]


def _trouble(found: SentPicture) -> str | None:
    """Why a picture is not finished; None when it is."""
    return None if found.end and found.end.phase is Phase.DONE else _state(found)


def _state(found: SentPicture) -> str:
    if found.end is None or found.end.record is None:
        return "no record in the images table: its event did not reach the consumer, or has not yet"
    record = found.end.record
    why = f" ({record.cause}: {record.message})" if record.cause else ""
    return f"{record.status}{why}"


def _wrong_variants(checkup: Checkup, picture: DoctorPicture, variants: tuple[VariantRecord, ...]) -> Iterator[str]:
    if not variants:
        yield "no variants"
    for variant in variants:
        where = {"Bucket": checkup.deployed.variants_bucket, "Key": variant.key}
        link = checkup.client("s3").generate_presigned_url("get_object", Params=where, ExpiresIn=300)
        answer = requests.get(link, timeout=HTTP_TIMEOUT)
        if answer.status_code != requests.codes.ok:
            yield f"{variant.name}: its link answers {answer.status_code}"
            continue
        yield from (f"{variant.name}: {wrong}" for wrong in _wrong_pixels(answer.content, picture, variant))


def _wrong_pixels(content: bytes, picture: DoctorPicture, variant: VariantRecord) -> Iterator[str]:
    with Image.open(io.BytesIO(content)) as image:
        if image.size != (variant.width, variant.height):
            yield f"{image.width} x {image.height} pixels, not {variant.width} x {variant.height}"
        if picture.is_upright and image.width >= image.height:
            yield "lies on its side: the EXIF orientation is not applied"
        if picture.is_transparent and variant.format in ALPHA_FORMATS and not image.has_transparency_data:
            yield "has lost its transparency"
