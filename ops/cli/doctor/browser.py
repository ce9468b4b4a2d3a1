"""What a browser does: the page, a presigned POST from it, and CORS; and how S3 refuses what is too large."""

from typing import Final
from urllib.parse import urljoin

import requests
from botocore.exceptions import BotoCoreError, ClientError

from api.objects import Objects, PresignedPost, origin_of
from ops.cli.doctor.checkup import Checkup, SentPicture
from ops.cli.doctor.ingest import advice
from ops.cli.doctor.pictures import FORM, PICTURES
from ops.cli.doctor.results import CheckResult, fail, ok, skipped, warn
from ops.cli.hints import program
from processing.storage.objects import head
from processing.storage.refusals import code_of, status_of

HTTP_TIMEOUT: Final = 20.0  # seconds
MINUTES: Final = 5  # that the doctor's presigned POSTs and links last
LARGE: Final = 8 * 2**20  # bytes: far more than the buffers between two machines hold
STRANGER: Final = "https://doctor.invalid"  # no site has this name
REFUSED: Final = (401, 403)
CORS_ADVICE: Final = "Deploy the stage again; with a domain of your own, name it in the parameter corsOrigins."


def check_post(checkup: Checkup) -> CheckResult:
    """Send a picture by a presigned POST from the page's origin, and another that is larger than was declared."""
    checkup.has_uploaded = True
    content, key = FORM.make(), f"{checkup.folder}{FORM.file}"
    post = _presigned(checkup, key, len(content))
    larger = _post(post, content + b"\0", _origin(checkup))
    if larger.ok or "EntityTooLarge" not in larger.text:
        return fail(
            f"a file that is larger than was declared is answered {larger.status_code}, not EntityTooLarge",
            "Does something stand between this machine and S3?",
        )
    answer = _post(post, content, _origin(checkup))
    checkup.posted_to = post.url
    if not answer.ok or answer.is_redirect:
        return fail(f"S3 answers {answer.status_code} ({_code(answer)})", "Are your credentials allowed s3:PutObject?")
    checkup.allowed_origin = answer.headers.get("Access-Control-Allow-Origin")
    sent_at = checkup.monotonic()
    stored = head(checkup.client("s3"), checkup.deployed.uploads_bucket, key)
    if stored is None:
        return fail(f"S3 answers {answer.status_code}, and has no such object")
    checkup.sent[FORM.name] = SentPicture(FORM.name, key, stored["ETag"], sent_at)
    return ok(f"taken ({answer.status_code}); one byte more than declared is refused as EntityTooLarge")


def check_cors(checkup: Checkup) -> CheckResult:
    """Whether a browser lets the page send that POST and read its answer; and a page of another site."""
    if not checkup.posted_to:
        return skipped("nothing was posted")
    origin, what_to_do = _origin(checkup), advice(checkup, "UploadsBucketCors", CORS_ADVICE)
    if not _is_let_by_preflight(checkup.posted_to, origin):
        return fail(f"S3 refuses the preflight request of {origin}: browsers send no file", what_to_do)
    if checkup.allowed_origin not in (origin, "*"):
        return fail(f"S3's answer does not allow {origin} to read it: browsers report a failure", what_to_do)
    if not _is_let_by_preflight(checkup.posted_to, STRANGER):
        return ok(f"{origin} may post, and another site may not")
    return warn("every site may post", "Name the origins of your own sites alone, in the parameter corsOrigins.")


def check_early_refusal(checkup: Checkup) -> CheckResult:
    """PUT far more than S3 has to read before it refuses: the answer must arrive, and not a broken connection."""
    there = next((each for each in checkup.sent.values() if each.name == PICTURES[0].name), None)
    if there is None:
        return skipped("no picture was uploaded")
    where = {"Bucket": checkup.deployed.uploads_bucket, "Key": there.key}
    began = checkup.monotonic()
    try:
        checkup.client("s3").put_object(**where, Body=bytes(LARGE), IfNoneMatch="*")
    except ClientError as error:
        seconds = round(checkup.monotonic() - began, 2)
        if status_of(error) in (409, 412):
            sentence = f"{LARGE >> 20} MB for a key that is taken: {status_of(error)} after {seconds:.1f} s"
            return ok(sentence, seconds=seconds)
        raise
    except BotoCoreError as error:
        return fail(f"S3's refusal of a large PUT does not arrive: {code_of(error)}", "Is a proxy in between?")
    return fail("S3 took a PUT whose condition does not hold: If-None-Match is not respected")


def check_page(checkup: Checkup) -> CheckResult:
    """Whether the page and its settings are served, and the rest is not without a key."""
    if checkup.is_local and not checkup.url:
        return skipped(f"`{program()} local` serves the local stage's page", "Give its address with --url.")
    url = _page(checkup)
    wanted = {"": "text/html", "settings.json": "application/json", "openapi.json": "application/json"}
    problems = []
    for path, kind in wanted.items():
        answer = requests.get(urljoin(url, path), timeout=HTTP_TIMEOUT)
        found = answer.headers.get("Content-Type", "").partition(";")[0]
        if answer.status_code != requests.codes.ok or found != kind:
            problems.append(f"/{path} answers {answer.status_code} {found}")
    open_to_all = requests.get(urljoin(url, "images"), timeout=HTTP_TIMEOUT)
    if open_to_all.status_code not in REFUSED:
        problems.append(f"/images without a key answers {open_to_all.status_code}, not 403")
    if problems:
        return fail("; ".join(problems), "See the log of the API's function.")
    return ok("/, /settings.json and /openapi.json; /images refuses callers without a key")


def _presigned(checkup: Checkup, key: str, size: int) -> PresignedPost:
    """As the upload API signs it."""
    stage = checkup.deployed
    objects = Objects(
        checkup.client("s3"),
        uploads_bucket=stage.uploads_bucket,
        variants_bucket=stage.variants_bucket,
        upload_seconds=MINUTES * 60,
        link_seconds=MINUTES * 60,
        clock=checkup.clock,
    )
    return objects.presigned_post(key, FORM.content_type, size)


def _post(post: PresignedPost, content: bytes, origin: str) -> requests.Response:
    return requests.post(
        post.url,
        data=post.fields,
        files={"file": (FORM.file, content, FORM.content_type)},
        headers={"Origin": origin},
        allow_redirects=False,
        timeout=HTTP_TIMEOUT,
    )


def _is_let_by_preflight(url: str, origin: str) -> bool:
    """What a browser requests first where the page watches the upload's progress."""
    asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    answer = requests.options(url, headers=asked, allow_redirects=False, timeout=HTTP_TIMEOUT)
    allowed = answer.headers.get("Access-Control-Allow-Origin")
    methods = answer.headers.get("Access-Control-Allow-Methods", "")
    return answer.ok and allowed in (origin, "*") and "POST" in methods


def _page(checkup: Checkup) -> str:
    url = checkup.url or checkup.outputs["ApiUrl"]
    return url if url.endswith("/") else f"{url}/"


def _origin(checkup: Checkup) -> str:
    return origin_of(_page(checkup))


def _code(answer: requests.Response) -> str:
    """The code in S3's XML."""
    return answer.text.partition("<Code>")[2].partition("</Code>")[0] or "no code"
