"""Between a client and the API's function stands what API Gateway does: routes, keys, limits, and the proxy event."""

import base64
import http.client
import json
import socket
import subprocess
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from ops.errors import StackError
from ops.local.invocation import FunctionError, FunctionTimeoutError
from ops.local.serve.gateway import BODY_LIMIT, PAYLOAD_LIMIT, Gateway, draw_api_key
from ops.local.serve.routes import Routes
from ops.local.serve.server import Server, listen
from ops.local.server import HOST
from tests.background import in_background
from tests.conftest import ROOT

API_KEY = draw_api_key()
KEY = {"x-api-key": API_KEY}


def method(resource, verb, *, key=False, authorization="NONE"):
    root = {"Fn::GetAtt": ["Api", "RootResourceId"]}
    return {
        "Type": "AWS::ApiGateway::Method",
        "Properties": {
            "ResourceId": {"Ref": resource} if resource else root,
            "HttpMethod": verb,
            "ApiKeyRequired": key,
            "AuthorizationType": authorization,
        },
    }


def resource(part, parent=None):
    above = {"Ref": parent} if parent else {"Fn::GetAtt": ["Api", "RootResourceId"]}
    return {"Type": "AWS::ApiGateway::Resource", "Properties": {"ParentId": above, "PathPart": part}}


def refusals(*origins):
    """API Gateway's own answers as they are packaged for pages of these origins."""
    limits = (
        "{ caller: { rate: 20, burst: 50, who: 'each API key' }, everybody: { rate: 10, burst: 50 }, quota: 100000 }"
    )
    made = f"require('./resources/api-refusals.cjs')(process.argv.slice(1), {limits}).Resources"
    script = f"console.log(JSON.stringify({made}))"
    run = subprocess.run(["node", "-e", script, *origins], cwd=ROOT, capture_output=True, check=True)
    return json.loads(run.stdout)


def own_answer(kind, text, **more):
    properties = {"ResponseType": kind, "ResponseTemplates": {"application/json": text}, **more}
    return {"Type": "AWS::ApiGateway::GatewayResponse", "Properties": properties}


TEMPLATE = {
    "Resources": {
        "Api": {"Type": "AWS::ApiGateway::RestApi", "Properties": {"BinaryMediaTypes": ["image/*"]}},
        "Images": resource("images"),
        "Image": resource("{id}", "Images"),
        "Variant": resource("{variant}", "Image"),
        "Rest": resource("{proxy+}"),
        "RootAny": method(None, "ANY"),
        "RestGet": method("Rest", "GET"),
        "ImagesAny": method("Images", "ANY", key=True),
        "ImagesOptions": method("Images", "OPTIONS"),
        "ImageAny": method("Image", "ANY", key=True),
        "VariantAny": method("Variant", "ANY", key=True),
        "NoKey": own_answer(
            "INVALID_API_KEY",
            '{"detail": "no key"}',
            ResponseParameters={"gatewayresponse.header.Content-Type": "'application/problem+json'"},
        ),
        "Refused": own_answer("DEFAULT_4XX", '{"detail": $context.error.messageString}'),
        "Failed": own_answer("DEFAULT_5XX", '{"detail": "later"}', StatusCode="503"),
    }
}


def with_resources(**changes):
    return {"Resources": {name: each for name, each in {**TEMPLATE["Resources"], **changes}.items() if each}}


class Function:
    """Remembers the events, and answers what it is told to; by default, with the event itself."""

    def __init__(self):
        self.events = []
        self.answer = None

    def __call__(self, event):
        self.events.append(event)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer or {"statusCode": 200, "headers": {"Content-Type": "application/json"}, "body": "{}"}


@pytest.fixture
def function():
    return Function()


@pytest.fixture
def notes():
    return []


@pytest.fixture
def client(function, notes):
    """Sends a request to a server before the function, on one connection that stays open."""
    with running(Gateway(Routes.of(TEMPLATE), function, notes.append, API_KEY)) as server:
        connection = connected(server)

        def send(verb, target, body=None, headers=KEY):
            connection.request(verb, target, body, headers)
            answer = connection.getresponse()
            text = answer.read().decode(errors="replace")
            return SimpleNamespace(status=answer.status, headers=answer.headers, text=text)

        yield send
        connection.close()


def connected(server):
    return http.client.HTTPConnection(HOST, server.server_address[1], timeout=10)


@contextmanager
def running(gateway, *origins):
    with listen(0) as listener, Server(listener, gateway, origins) as server, in_background(server):
        yield server


@pytest.mark.parametrize(
    ("path", "resource", "parameters"),
    [
        ("/", "/", None),
        ("/images", "/images", None),
        ("/images/a", "/images/{id}", {"id": "a"}),
        ("/images/a%20b%2Fc", "/images/{id}", {"id": "a b/c"}),
        ("/images/a/phone", "/images/{id}/{variant}", {"id": "a", "variant": "phone"}),
        ("/images/a/b/c", "/{proxy+}", {"proxy": "images/a/b/c"}),
        ("/images/", "/{proxy+}", {"proxy": "images/"}),
        ("/js/app.js", "/{proxy+}", {"proxy": "js/app.js"}),
    ],
)
def test_a_path_leads_to_the_most_exact_resource(client, function, path, resource, parameters):
    client("GET", path)

    event = function.events[0]
    assert (event["resource"], event["path"], event["pathParameters"]) == (resource, path, parameters)
    assert event["requestContext"]["resourcePath"] == resource


def test_an_event_has_the_shape_of_the_proxy_integration(client, function):
    client("GET", "/images?a=1&b=x%20y&a=2&c=", headers={**KEY, "X-Mixed-CASE": "Value", "user-agent": "tests"})

    event = function.events[0]
    assert event["httpMethod"] == "GET"
    assert event["queryStringParameters"] == {"a": "2", "b": "x y", "c": ""}
    assert event["multiValueQueryStringParameters"] == {"a": ["1", "2"], "b": ["x y"], "c": [""]}
    assert event["headers"]["X-Mixed-CASE"] == "Value"
    assert event["multiValueHeaders"]["X-Mixed-CASE"] == ["Value"]
    assert (event["body"], event["isBase64Encoded"], event["stageVariables"]) == (None, False, None)
    context = event["requestContext"]
    assert (context["path"], context["stage"], context["httpMethod"]) == ("/images", "local", "GET")
    assert context["identity"]["sourceIp"] == "127.0.0.1"
    assert context["identity"]["userAgent"] == "tests"


def test_without_a_query_there_are_no_parameters_rather_than_none_of_them(client, function):
    client("GET", "/images")

    assert function.events[0]["queryStringParameters"] is None
    assert function.events[0]["multiValueQueryStringParameters"] is None


def test_a_header_that_comes_twice_is_given_as_both_and_as_the_last(function):
    with running(Gateway(Routes.of(TEMPLATE), function, print, API_KEY)) as server:
        connection = connected(server)
        connection.putrequest("GET", "/")
        connection.putheader("accept", "a")
        connection.putheader("accept", "b")
        connection.endheaders()
        connection.getresponse().read()
        connection.close()

    assert function.events[0]["headers"]["accept"] == "b"
    assert function.events[0]["multiValueHeaders"]["accept"] == ["a", "b"]


def test_a_picture_arrives_in_base64_and_text_as_text(client, function):
    client("POST", "/images", bytes(range(256)), KEY | {"Content-Type": "IMAGE/png; x=y"})
    client("POST", "/images", "{}é".encode(), KEY | {"Content-Type": "application/json"})

    picture, text = function.events
    assert picture["isBase64Encoded"]
    assert base64.b64decode(picture["body"]) == bytes(range(256))
    assert (text["isBase64Encoded"], text["body"]) == (False, "{}é")


@pytest.mark.parametrize("headers", [{}, {"x-api-key": ""}, {"x-api-key": "another"}, {"x-api-key": "clé"}])
def test_a_private_route_wants_the_key_and_answers_in_the_templates_words(client, function, headers):
    answer = client("GET", "/images", headers={name: value.encode() for name, value in headers.items()})

    assert (answer.status, answer.text) == (403, '{"detail": "no key"}')
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert function.events == []


def test_the_function_is_told_whose_key_it_was_on_private_routes_only(client, function):
    client("GET", "/images", headers={"X-API-KEY": API_KEY})
    client("GET", "/", headers={})

    private, public = (event["requestContext"]["identity"] for event in function.events)
    assert (private["apiKeyId"], private["apiKey"]) == ("local", API_KEY)
    assert "apiKey" not in public


def test_a_browser_may_ask_for_the_options_of_a_private_route_without_a_key(client, function):
    assert client("OPTIONS", "/images", headers={}).status == 200
    assert client("OPTIONS", "/images/a", headers={}).status == 403  # which has no method of that name


def test_a_method_that_no_resource_has_is_answered_as_aws_does(client):
    answer = client("DELETE", "/js/app.js", headers={})

    assert (answer.status, answer.text) == (403, '{"detail": "Missing Authentication Token"}')


def test_a_body_beyond_api_gateways_limit_is_refused(client, function):
    at_the_limit = client("POST", "/images", b"x" * BODY_LIMIT)
    beyond = client("POST", "/images", b"x" * (BODY_LIMIT + 1))

    assert (at_the_limit.status, beyond.status) == (413, 413)  # the former for Lambda's limit
    assert function.events == []
    assert client("GET", "/").status == 200  # on the same connection


def test_an_event_beyond_lambdas_limit_is_refused(client, function):
    fits = PAYLOAD_LIMIT * 3 // 4 - 3_000  # base64 makes three bytes four
    image = {"Content-Type": "image/png"} | KEY

    assert client("POST", "/images", b"x" * fits, image).status == 200
    assert client("POST", "/images", b"x" * (fits + 3_000), image).status == 413
    assert len(function.events) == 1


def test_an_answer_becomes_http(client, function):
    function.answer = {
        "statusCode": 201,
        "headers": {"Location": "/a", "X-Many": "hidden"},
        "multiValueHeaders": {"X-Many": ["a", "b"]},
        "body": base64.b64encode(b"\xff\x00").decode(),
        "isBase64Encoded": True,
    }
    answer = client("POST", "/images", headers={**KEY, "Accept": "image/png, text/html"})

    assert answer.status == 201
    assert answer.headers["Location"] == "/a"
    assert answer.headers.get_all("X-Many") == ["a", "b"]
    assert answer.headers["Content-Length"] == "2"


@pytest.mark.parametrize(
    ("types", "accept", "length"),
    [
        ("image/*", "text/html, image/png", "4"),
        ("image/*", "*/*", "4"),
        ("image/*", "", "4"),
        ("*/*", "text/html", "2"),
        ("*/*", "", "2"),
    ],
)
def test_a_binary_answer_stays_in_base64_unless_the_client_accepts_it_first(function, notes, types, accept, length):
    """https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-payload-encodings.html"""
    api = {"Type": "AWS::ApiGateway::RestApi", "Properties": {"BinaryMediaTypes": [types]}}
    function.answer = {"statusCode": 200, "body": base64.b64encode(b"\xff\x00").decode(), "isBase64Encoded": True}
    with running(Gateway(Routes.of(with_resources(Api=api)), function, notes.append, API_KEY)) as server:
        connection = connected(server)
        connection.request("GET", "/images", headers={**KEY, **({"Accept": accept} if accept else {})})
        answer = connection.getresponse()
        answer.read()
        connection.close()

    assert answer.headers["Content-Length"] == length


@pytest.mark.parametrize("status", [204, 304])
def test_an_answer_without_a_body_leaves_the_connection_usable(client, function, status):
    function.answer = {"statusCode": status, "body": ""}

    assert client("GET", "/").status == status
    assert client("GET", "/").status == status


def test_head_is_answered_without_a_body(client, function):
    function.answer = {"statusCode": 200, "body": "text"}
    answer = client("HEAD", "/")

    assert (answer.text, answer.headers["Content-Length"]) == ("", "4")


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (FunctionError("ValueError: a bug"), 503),
        (FunctionTimeoutError("killed"), 503),
        ("text", 503),
        ({"body": "no status"}, 503),
        ({"statusCode": "200"}, 503),
        ({"statusCode": 200, "body": "no base64", "isBase64Encoded": True}, 503),
        ({"statusCode": 200, "body": "x" * PAYLOAD_LIMIT}, 503),
    ],
)
def test_a_function_that_fails_is_told_to_the_owner_and_not_to_the_client(client, function, notes, answer, status):
    function.answer = answer
    answered = client("GET", "/images", headers={**KEY, "Accept": "image/png"})

    assert (answered.status, answered.text) == (status, '{"detail": "later"}')
    assert len(notes) == 1
    assert notes[0].startswith("GET /images failed: ")


@pytest.mark.parametrize(
    ("origins", "allowed"),
    [
        ([], None),
        (["https://a.example"], "https://a.example"),
        (["https://a.example", "https://b.example"], "*"),
    ],
)
def test_a_page_of_a_configured_origin_may_read_api_gateways_own_answers(function, origins, allowed):
    function.answer = FunctionError("ValueError: a bug")
    routes = Routes.of(with_resources(NoKey=None, Refused=None, Failed=None, **refusals(*origins)))
    with running(Gateway(routes, function, lambda note: None, API_KEY)) as server:
        connection = connected(server)
        answers = {}
        for verb, target, body in (("GET", "/images", b""), ("POST", "/", b"x" * (BODY_LIMIT + 1)), ("GET", "/", b"")):
            connection.request(verb, target, body or None)
            answer = connection.getresponse()
            answers[answer.status] = (json.loads(answer.read())["status"], answer.headers)
        connection.close()

    assert {status: said for status, (said, _) in answers.items()} == {403: 403, 413: 413, 503: 503}
    assert {headers["Access-Control-Allow-Origin"] for _, headers in answers.values()} == {allowed}
    assert {headers["Access-Control-Expose-Headers"] for _, headers in answers.values()} == {allowed and "Retry-After"}
    assert answers[503][1]["Retry-After"] == "5"


def test_without_words_of_its_own_the_template_leaves_api_gateways(function):
    routes = Routes.of(with_resources(NoKey=None, Refused=None))
    with running(Gateway(routes, function, print, API_KEY)) as server:
        connection = connected(server)
        connection.request("GET", "/images")
        answer = connection.getresponse()

        assert (answer.status, json.loads(answer.read())) == (403, {"message": "Forbidden"})
        connection.close()


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"POST /images HTTP/1.1\r\nHost: localhost\r\nContent-Length: many\r\n\r\n", b"400"),
        (b"POST /images HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n", b"411"),
        (b"BREW /images HTTP/1.1\r\n\r\n", b"501"),
    ],
)
def test_http_that_cannot_be_served_is_refused(function, head, status):
    with (
        running(Gateway(Routes.of(TEMPLATE), function, print, API_KEY)) as server,
        socket.create_connection(server.server_address, timeout=10) as connection,
    ):
        connection.sendall(head)
        assert connection.recv(1000).split()[1] == status

    assert function.events == []


def test_a_body_that_is_announced_is_asked_for(function):
    with (
        running(Gateway(Routes.of(TEMPLATE), function, print, API_KEY)) as server,
        socket.create_connection(server.server_address, timeout=10) as connection,
    ):
        lines = (
            "POST / HTTP/1.1",
            "Host: localhost",
            f"x-api-key: {API_KEY}",
            "Expect: 100-continue",
            "Content-Length: 2",
        )
        connection.sendall("".join(f"{line}\r\n" for line in (*lines, "")).encode())
        assert b"100 Continue" in connection.recv(1000)
        connection.sendall(b"{}")
        assert b"200 OK" in connection.recv(1000)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Origin": "http://127.0.0.1:PORT"}, 200),
        ({"Host": "localhost:PORT", "Origin": "http://localhost:PORT"}, 200),
        ({"Origin": "https://photos.example.com"}, 200),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "http://127.0.0.1:1"}, 403),
        ({"Origin": "null"}, 403),
        ({"Host": "evil.example:PORT"}, 403),
        ({"Host": "evil.example:PORT", "Origin": "http://evil.example:PORT"}, 403),
        ({"Host": ""}, 403),
    ],
)
@pytest.mark.parametrize("verb", ["GET", "POST", "OPTIONS"])
def test_pages_of_other_origins_and_other_names_of_this_machine_are_refused(function, verb, headers, status):
    gateway = Gateway(Routes.of(TEMPLATE), function, print, API_KEY)
    with running(gateway, "https://photos.example.com", "") as server:
        port = str(server.server_address[1])
        connection = connected(server)
        connection.request(verb, "/", None, {name: value.replace("PORT", port) for name, value in headers.items()})

        assert connection.getresponse().status == status
        connection.close()

    assert len(function.events) == (status == 200)


def test_each_start_draws_an_api_key_that_aws_could_have_made():
    keys = {draw_api_key() for _ in range(20)}

    assert len(keys) == 20
    assert {len(key) for key in keys} == {40}


def test_an_authorizer_that_is_not_played_is_named_before_anything_is_served():
    template = with_resources(ImagesAny=method("Images", "ANY", authorization="AWS_IAM"))

    with pytest.raises(StackError, match=r"ImagesAny asks for AWS_IAM, .* api-key"):
        Routes.of(template)


def test_a_template_without_a_rest_api_cannot_be_served():
    with pytest.raises(StackError, match="0 REST APIs"):
        Routes.of(with_resources(Api=None))


def test_a_port_that_is_taken_is_named():
    with listen(0) as taken:
        port = taken.getsockname()[1]

        with pytest.raises(StackError, match=f"port {port} is taken .*: name another one with --port, or 0 "):
            listen(port)
