"""What every route has in common: who asks, what is answered when things go wrong, other origins, the page's files."""

import json
import logging
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError
from openapi_spec_validator import validate

from api.files import IMAGE_TYPES, accepted_types, extensions
from api.http import base_of
from api.routes import ROUTES
from api.service import CREDENTIALS
from api.status import EXPLANATIONS
from handlers import api
from handlers.api_bootstrap import CLIENT, build_api
from ops.build.rules import RULES
from processing.errors import Misconfigured, Rejected
from processing.imaging.formats import READERS
from processing.ledger import VariantRecord
from tests.api.conftest import ENVIRONMENT, Clock, Stage, declared
from tests.api.gateway import Gateway, description, event
from tests.builders import client_error
from tests.ops.local.test_serve import refusals

PRIVATE = ["/uploads", "/upload", "/images", "/images/x", "/images/x/desktop"]
ELSEWHERE = "https://photos.example.com"


def ask(method: str, url: str, **changes: Any) -> dict[str, Any]:
    """Through the handler, with parts of the event replaced."""
    given = event(method, url, None, {}, stage="dev", caller="anna")
    return api.handler(given | changes, None)


@pytest.mark.parametrize(
    ("method", "url", "allowed"),
    [
        ("GET", "/uploads", "POST, OPTIONS"),
        ("PUT", "/images/x", "GET, DELETE, OPTIONS, HEAD"),
        ("PUT", "/", "GET, OPTIONS, HEAD"),
        ("TRACE", "/openapi.json", "GET, OPTIONS, HEAD"),
    ],
)
def test_a_wrong_method_is_told_which_there_are(gateway: Gateway, method: str, url: str, allowed: str) -> None:
    answer = gateway.send(method, url)

    assert (answer.status, answer.headers["Allow"]) == (405, allowed)
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    "url", ["/nothing", "/images/", "/images/x/y/z", "/../serverless.yml", "/..%2Frecipe.toml", "/%2e%2e/recipe.toml"]
)
def test_what_is_not_there_is_not_found(gateway: Gateway, url: str) -> None:
    answer = gateway.get(url)

    assert (answer.status, answer.json["status"], answer.json["title"]) == (404, 404, "Not Found")


def test_a_route_that_was_never_made_is_not_found(stage: Stage) -> None:
    assert ask("GET", "/images", resource="/albums")["statusCode"] == 404


@pytest.mark.parametrize("url", PRIVATE)
def test_nobody_is_let_in_who_cannot_be_told(stage: Stage, url: str) -> None:
    gateway = Gateway(caller=None)

    answer = gateway.send("POST" if url in ("/uploads", "/upload") else "GET", url)

    assert answer.status == 403
    assert "x-api-key" in answer.json["detail"]


@pytest.mark.parametrize(
    ("authorizer", "context", "caller"),
    [
        ("api-key", {"identity": {"apiKeyId": "k1", "caller": "AIDA1"}}, "key/k1"),
        ("iam", {"identity": {"apiKeyId": "k1", "caller": "AIDA1"}}, "iam/AIDA1"),
        ("iam", {"identity": {"apiKeyId": "k1", "caller": "AROA1:ann@example.com"}}, "iam/AROA1:ann@example.com"),
        ("jwt", {"identity": {"apiKeyId": "k1"}, "authorizer": {"claims": {"sub": "u1"}}}, "sub/u1"),
    ],
)
def test_a_caller_is_known_by_what_the_stage_asks_for_and_by_nothing_else(
    stage: Stage,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    authorizer: str,
    context: dict[str, Any],
    caller: str,
) -> None:
    service = api.api()
    other = replace(service, settings=replace(service.settings, authorizer=authorizer))
    monkeypatch.setattr(api, "api", lambda: other)
    body = json.dumps({"files": [declared()]})
    common = {"body": body, "headers": {"Content-Type": "application/json"}}

    known = ask("POST", "/uploads", requestContext={"path": "/dev/uploads", **context}, **common)
    unknown = ask("POST", "/uploads", requestContext={"path": "/dev/uploads", "identity": None}, **common)

    assert (known["statusCode"], unknown["statusCode"]) == (201, 403)
    assert {item["object"] for item in stage.items()} == {f"caller:{caller}"}


class Broken:
    """A client that fails in one way, whatever is asked of it."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __getattr__(self, name: str) -> Any:
        def fail(*_: Any, **__: Any) -> None:
            raise self._error

        return fail


@pytest.mark.parametrize(
    "error",
    [
        client_error("ThrottlingException", 400, "Query"),
        client_error("InternalServerError", 500, "Query"),
        client_error("AccessDeniedException", 400, "Query"),
        client_error("TransactionConflictException", 400, "Query"),
        client_error("NewToEverybody", 418, "Query"),
        client_error("OperationAborted", 409, "Query"),
        EndpointConnectionError(endpoint_url="https://dynamodb.eu-west-1.amazonaws.com"),
    ],
)
@pytest.mark.parametrize(
    ("method", "url"),
    [("GET", "/images"), ("GET", f"/images/{'0' * 26}-x"), ("POST", "/uploads")],
)
def test_an_outage_of_aws_is_one_of_the_service_for_a_while(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, error: Exception, method: str, url: str
) -> None:
    monkeypatch.setattr(api.api().owners, "_dynamodb", Broken(error))

    answer = gateway.post(url, {"files": [declared()]}) if method == "POST" else gateway.send(method, url)

    assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
    assert "dynamodb" not in answer.body


def test_what_cannot_be_an_id_is_not_asked_for(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api.api().owners, "_dynamodb", Broken(AssertionError("DynamoDB refuses such a key")))

    assert gateway.get(f"/images/{'0' * 26}-{'x' * 2000}").status == 404
    assert gateway.get("/images/8ZZZZZZZZZZZZZZZZZZZZZZZZZ-x.jpg").status == 404  # after the end of ULIDs


def test_a_file_that_cannot_be_stored_is_told_to_come_again(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api.api().objects, "_s3", Broken(client_error("SlowDown", 503, "Query")))

    assert gateway.send("POST", "/upload", b"x", {"content-type": "image/png"}).status == 503


def test_a_file_that_cannot_be_written_down_is_not_stored(
    gateway: Gateway, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api.api().owners, "_dynamodb", Broken(client_error("InternalServerError", 500, "Query")))

    answer = gateway.send("POST", "/upload", b"x", {"content-type": "image/png"})

    assert (answer.status, stage.s3.list_objects_v2(Bucket="uploads")["KeyCount"]) == (503, 0)


def test_what_dynamodb_puts_off_is_written_again_and_given_up_when_it_never_is(
    gateway: Gateway, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []

    class Slow:
        """Takes one item of each batch, and after ``patience`` batches everything."""

        def __init__(self, patience: int) -> None:
            self.patience = patience

        def batch_write_item(self, **arguments: Any) -> Any:
            asked = arguments["RequestItems"]["images"]
            self.patience -= 1
            taken = len(asked) if self.patience < 0 else 1
            stage.dynamodb.batch_write_item(RequestItems={"images": asked[:taken]})
            later = asked[taken:]
            return {"UnprocessedItems": {"images": later} if later else {}}

    owners = api.api().owners
    monkeypatch.setattr(owners, "_pause", pauses.append)
    monkeypatch.setattr(owners, "_dynamodb", Slow(3))
    patient = gateway.post("/uploads", {"files": [declared()] * 10})
    written = len(stage.items())
    monkeypatch.setattr(owners, "_dynamodb", Slow(4))
    impatient = gateway.post("/uploads", {"files": [declared()] * 10})

    assert (patient.status, written) == (201, 10)
    assert impatient.status == 503
    assert pauses[:3] == [0.1, 0.2, 0.4]


def test_a_bug_is_answered_without_its_insides_and_logged_with_them(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(api.api().owners, "_dynamodb", Broken(KeyError("secret")))
    monkeypatch.setattr(logging.getLogger("darkroom"), "propagate", True)

    answer = ask("GET", "/images")

    assert (answer["statusCode"], "secret" in answer["body"]) == (500, False)
    assert "KeyError: 'secret'" in caplog.text


def test_head_is_get_without_a_body(gateway: Gateway, image_id: str) -> None:
    whole, head = gateway.get(f"/images/{image_id}"), gateway.send("HEAD", f"/images/{image_id}")

    assert (head.status, head.headers, head.body) == (200, whole.headers, "")


def test_a_body_that_was_damaged_on_its_way_is_not_stored(stage: Stage) -> None:
    answer = ask("POST", "/upload", headers={"Content-Type": "image/png"}, body="%%%", isBase64Encoded=True)

    assert (answer["statusCode"], stage.items()) == (400, [])


def test_a_file_that_comes_as_text_is_the_stages_fault_and_is_not_stored(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As API Gateway passes on a body of a type that is not among its binaryMediaTypes."""
    monkeypatch.setattr(logging.getLogger("darkroom"), "propagate", True)

    answer = ask("POST", "/upload", headers={"Content-Type": "image/png"}, body="\ufffdPNG", isBase64Encoded=False)

    assert (answer["statusCode"], stage.items()) == (500, [])
    assert "binaryMediaTypes" in answer["body"]
    assert "misconfigured" in caplog.text


def test_api_gateway_refuses_in_the_same_words_as_the_function(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    same = {"INVALID_API_KEY": Gateway(caller=None).get("/images")}
    monkeypatch.setattr(api.api().owners, "_dynamodb", Broken(client_error("ThrottlingException", 400, "Query")))
    same["DEFAULT_5XX"] = gateway.get("/images")

    templates = {each["Properties"]["ResponseType"]: each["Properties"] for each in refusals().values()}
    for kind, answer in same.items():
        problem = json.loads(templates[kind]["ResponseTemplates"]["application/json"])
        wait = templates[kind]["ResponseParameters"].get("gatewayresponse.header.Retry-After", "''").strip("'")
        found = (problem["status"], problem["detail"], wait)
        assert found == (answer.status, answer.json["detail"], answer.headers.get("Retry-After", ""))
    assert CREDENTIALS["sub"] in templates["UNAUTHORIZED"]["ResponseTemplates"]["application/json"]


@pytest.mark.parametrize("url", PRIVATE)
def test_a_page_of_a_configured_origin_may_ask(gateway: Gateway, url: str) -> None:
    answer = gateway.send("OPTIONS", url, headers={"origin": ELSEWHERE})

    assert answer.status == 204
    assert answer.headers["Access-Control-Allow-Origin"] == ELSEWHERE
    assert "x-api-key" in answer.headers["Access-Control-Allow-Headers"]
    assert answer.headers["Access-Control-Allow-Methods"] == answer.headers["Allow"]
    assert "Origin" in answer.headers["Vary"]


@pytest.mark.parametrize("origin", ["https://evil.example.com", f"{ELSEWHERE}.evil.example.com", "null", ""])
def test_a_page_of_any_other_origin_may_not(gateway: Gateway, origin: str) -> None:
    asking = gateway.send("OPTIONS", "/images", headers={"origin": origin})

    for answer in (asking, gateway.get("/images", origin=origin)):
        assert not [name for name in answer.headers if name.startswith("Access-Control")]
        assert answer.headers["Vary"] == "Origin"


def test_errors_can_be_read_by_a_configured_origin_too(gateway: Gateway) -> None:
    assert gateway.get("/nothing", origin=ELSEWHERE).headers["Access-Control-Allow-Origin"] == ELSEWHERE


FILES = {
    "index.html": '<!doctype html><html><head><meta charset="utf-8"></head></html>',
    "js/app.js": "import './queue.js'",
    "style.css": ":root {}",
    "notes.md": "not for everybody",
}


@pytest.fixture
def site(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> Gateway:
    service = replace(api.api(), files=FILES)
    monkeypatch.setattr(api, "api", lambda: service)
    return gateway


@pytest.mark.parametrize(("stage_name", "base"), [("dev", "/dev/"), ("", "/")])
def test_the_page_knows_where_it_is(site: Gateway, stage_name: str, base: str) -> None:
    site.stage = stage_name

    answer = site.get("/")

    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert f'<base href="{base}">' in answer.body


def test_the_page_may_load_and_send_only_what_it_has_to(site: Gateway) -> None:
    policy = dict(each.split(" ", 1) for each in site.get("/").headers["Content-Security-Policy"].split("; "))

    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' blob: data: https://variants.s3.eu-west-1.amazonaws.com",
        "connect-src": "'self' https://uploads.s3.eu-west-1.amazonaws.com",
        "manifest-src": "'self'",
        "base-uri": "'self'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }


@pytest.mark.parametrize(
    ("url", "kind"), [("/js/app.js", "text/javascript; charset=utf-8"), ("/style.css", "text/css; charset=utf-8")]
)
def test_a_file_of_the_page_has_its_type_and_is_not_sent_twice(site: Gateway, url: str, kind: str) -> None:
    answer = site.get(url)

    assert (answer.status, answer.headers["Content-Type"], answer.body) == (200, kind, FILES[url[1:]])
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert site.get(url, if_none_match=answer.headers["ETag"]).status == 304


def test_a_browser_keeps_the_page_for_minutes_and_asks_each_time_what_the_stage_takes(site: Gateway) -> None:
    """Or each visit would invoke the function once for every file, for whoever comes."""
    for url in ("/", "/js/app.js"):
        assert site.get(url).headers["Cache-Control"] == "public, max-age=300"
    for url in ("/settings.json", "/openapi.json"):
        assert site.get(url).headers["Cache-Control"] == "no-cache"
    assert site.get("/js/nothing.js").headers["Cache-Control"] == "no-store"


def test_a_file_of_no_known_kind_is_not_served(site: Gateway) -> None:
    assert site.get("/notes.md").status == 404


def test_the_page_of_this_project_is_served(gateway: Gateway) -> None:
    web = Path(__file__).parents[2] / "web"
    served = [path for path in web.rglob("*") if path.suffix in {".html", ".css", ".js", ".svg", ".webmanifest"}]

    assert web / "index.html" in served
    for path in served:
        assert gateway.get(f"/{path.relative_to(web).as_posix()}").status == 200
    assert '<base href="/dev/">' in gateway.get("/").body


def test_a_client_learns_the_limits_before_it_sends_anything(gateway: Gateway) -> None:
    assert gateway.get("/settings.json").json == {
        "authorizer": "api-key",
        "max_bytes": 100_000_000,
        "max_direct_bytes": 4_500_000,
        "max_files": 100,
        "content_types": list(IMAGE_TYPES),
        "extensions": list(extensions(IMAGE_TYPES)),
        "variants": ["desktop", "tablet", "phone"],
        "upload_seconds": 900,
        "erasure": True,
    }


def test_the_description_is_valid_openapi_with_this_stages_limits(gateway: Gateway) -> None:
    document = gateway.get("/openapi.json").json

    validate(document)
    file = document["components"]["schemas"]["File"]["properties"]
    assert file["size"]["maximum"] == 100_000_000
    types = list(document["paths"]["/upload"]["post"]["requestBody"]["content"])
    assert types == [*IMAGE_TYPES, "application/octet-stream"]
    assert set(file["content_type"]["enum"]) > set(types)


def test_every_route_and_method_is_described(stage: Stage) -> None:
    described = {(path, method.upper()) for path, each in description()["paths"].items() for method in each}
    routed = {(path, method) for path, stories in ROUTES.items() for method in stories}

    documents = {("/openapi.json", "GET"), ("/settings.json", "GET")}
    assert described - documents == routed - {("/{proxy+}", "GET")}


def test_every_format_that_is_read_is_taken() -> None:
    assert {f"image/{name}" for name in READERS} == set(accepted_types(heic=False))
    assert set(accepted_types(heic=True)) - set(accepted_types(heic=False)) == {"image/heic", "image/heif"}


def test_heic_is_taken_only_where_the_package_can_read_it(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    with_reader = build_api(ENVIRONMENT).limits.content_types
    monkeypatch.setitem(sys.modules, "pi_heif", None)
    without = build_api(ENVIRONMENT).limits.content_types

    assert set(with_reader) - set(without) == {"image/heic", "image/heif"}


def test_every_way_to_reject_an_image_has_words_for_its_sender() -> None:
    of_messages = {"MalformedMessage", "RejectedEarlier"}  # no image of the API's can be rejected so

    assert {each.__name__ for each in Rejected.__subclasses__()} - of_messages <= set(EXPLANATIONS)


@pytest.mark.parametrize(
    ("path", "resource", "parameters", "base"),
    [
        ("/dev/uploads", "/uploads", {}, "/dev"),
        ("/uploads", "/uploads", {}, ""),
        ("/dev", "/", {}, "/dev"),
        ("/dev/", "/", {}, "/dev"),
        ("/", "/", {}, ""),
        ("/photos/v1/images/a/b", "/images/{id}/{variant}", {"id": "a", "variant": "b"}, "/photos/v1"),
        ("/dev/js/app.js", "/{proxy+}", {"proxy": "js/app.js"}, "/dev"),
    ],
)
def test_what_stands_before_a_route_is_found(path: str, resource: str, parameters: dict[str, str], base: str) -> None:
    assert base_of(path, resource, parameters) == base


def test_every_fault_of_the_environment_is_told_at_once() -> None:
    broken = {**ENVIRONMENT, "IMAGES_TABLE": "", "AUTHORIZER": "password", "LINK_SECONDS": "0", "LOG_LEVEL": "LOUD"}

    with pytest.raises(Misconfigured) as caught:
        build_api(broken)

    assert [fault.split(":")[0] for fault in caught.value.faults] == [
        *("IMAGES_TABLE", "AUTHORIZER", "LINK_SECONDS", "LOG_LEVEL"),
    ]


def test_the_authorizers_of_the_code_are_those_of_the_parameter() -> None:
    for name in ("api-key", "iam", "jwt"):
        assert RULES["authorizer"](name) is None
        assert build_api({**ENVIRONMENT, "AUTHORIZER": name}).settings.authorizer == name


def test_a_request_to_aws_ends_long_before_api_gateway_gives_up() -> None:
    attempts = CLIENT.retries["total_max_attempts"]  # type: ignore[attr-defined]

    assert attempts * (CLIENT.connect_timeout + CLIENT.read_timeout) < 10  # type: ignore[attr-defined]


def test_the_emulator_is_asked_for_buckets_by_path(clock: Clock, stage: Stage) -> None:
    local = build_api({**ENVIRONMENT, "AWS_ENDPOINT_URL": "http://127.0.0.1:5000"})

    assert local.objects.presigned_post("images/a", "image/png", 1).url.endswith("/uploads")


def test_a_cdn_takes_the_place_of_links(stage: Stage, clock: Clock) -> None:
    service = build_api({**ENVIRONMENT, "CDN_URL": "https://pictures.example.com/"})
    variant = VariantRecord("desktop", "desktop/a b.jpg", "jpeg", 8, 6, 99, "f1")

    link = service.objects.link(variant, "e1", "b.jpg")
    clock.now += 10_000_000
    assert link.startswith("https://pictures.example.com/desktop/a%20b.jpg?v=")
    assert service.objects.link(variant, "e1", "b.jpg") == link
    assert (
        len(
            {
                link,
                service.objects.link(variant, "e2", "b.jpg"),
                service.objects.link(replace(variant, fingerprint="f2"), "e1", "b.jpg"),
            }
        )
        == 3
    )
    assert service.objects.links_origin() == "https://pictures.example.com"


def test_on_a_cdn_an_unchanged_image_keeps_its_etag_for_ever(stage: Stage, clock: Clock) -> None:
    periods = {build_api({**ENVIRONMENT, "CDN_URL": url}).objects.period() for url in ("https://a.example.com", "")}

    assert len(periods) == 2
    assert 0 in periods
