"""CloudFront in front of the variants bucket: what `cdn` adds to the template, and what it leaves as it is."""

import json
import re
import subprocess
from typing import Any

import pytest

from ops.local import cdn as local
from tests.service.packaged_service import PROJECT, Package, package

ADDED = {"CdnAccess", "CdnCachePolicy", "CdnHeaders", "CdnOnResponse", "Cdn"}


@pytest.fixture(scope="module")
def public() -> Package:
    return package("dev", {"cdn": "true"}, requirements=False)


def from_node(expression: str) -> Any:
    script = f"console.log(JSON.stringify({expression}))"
    run = subprocess.run(["node", "-e", script], cwd=PROJECT, capture_output=True, text=True, check=True)
    return json.loads(run.stdout)


def without_deployment(template: dict[str, Any]) -> dict[str, Any]:
    """The resources, without what each packaging names anew: the deployment of the API, and the place of the zip."""
    text = re.sub(r"ApiGatewayDeployment\w+|serverless/[^\"]+\.zip", "", json.dumps(template["Resources"]))
    resources: dict[str, Any] = json.loads(text)
    return resources


def test_the_switch_adds_five_resources_a_statement_and_a_link_and_nothing_else(
    default: Package, public: Package
) -> None:
    before, after = without_deployment(default.template), without_deployment(public.template)

    assert after.keys() - before.keys() == ADDED
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"VariantsBucketPolicy", "ApiLambdaFunction"}
    assert public.template["Outputs"].keys() - default.template["Outputs"].keys() == {"CdnUrl"}


def test_without_the_switch_the_template_says_nothing_of_cloudfront(default: Package) -> None:
    assert "cloudfront" not in json.dumps(default.template).lower()


def test_only_this_distribution_may_read_the_bucket_and_nobody_may_list_it(default: Package, public: Package) -> None:
    tls, *more = public.properties("VariantsBucketPolicy")["PolicyDocument"]["Statement"]

    assert [tls] == default.properties("VariantsBucketPolicy")["PolicyDocument"]["Statement"]
    (reads,) = more
    assert (reads["Effect"], reads["Action"]) == ("Allow", "s3:GetObject")
    assert reads["Principal"] == {"Service": "cloudfront.amazonaws.com"}
    assert json.dumps(reads["Condition"]).count("distribution/${Cdn}") == 1


def test_the_distribution_takes_https_reads_and_versions_alone(public: Package) -> None:
    config = public.properties("Cdn")["DistributionConfig"]
    behavior = config["DefaultCacheBehavior"]
    (origin,) = config["Origins"]

    assert behavior["ViewerProtocolPolicy"] == "redirect-to-https"
    assert behavior["AllowedMethods"] == ["GET", "HEAD"]
    assert config["HttpVersion"] == "http2and3"
    assert origin["OriginAccessControlId"] == {"Ref": "CdnAccess"}
    key = public.properties("CdnCachePolicy")["CachePolicyConfig"]["ParametersInCacheKeyAndForwardedToOrigin"]
    assert key["QueryStringsConfig"] == {"QueryStringBehavior": "whitelist", "QueryStrings": ["v"]}
    assert key["CookiesConfig"]["CookieBehavior"] == key["HeadersConfig"]["HeaderBehavior"] == "none"


def test_no_viewer_sees_the_metadata_that_the_consumer_writes(public: Package) -> None:
    policy = public.properties("CdnHeaders")["ResponseHeadersPolicyConfig"]
    removed = {each["Header"] for each in policy["RemoveHeadersConfig"]["Items"]}

    assert {f"x-amz-meta-{name}" for name in ("source-etag", "fingerprint", "digest")} <= removed


def test_links_lead_to_the_alias_or_to_the_distribution(public: Package, changed: Package) -> None:
    def url(of: Package) -> object:
        return of.properties("ApiLambdaFunction")["Environment"]["Variables"]["CDN_URL"]

    assert url(public) == {"Fn::Sub": "https://${Cdn.DomainName}"}
    assert url(changed) == "https://pictures.example.com"
    assert changed.properties("Cdn")["DistributionConfig"]["Aliases"] == ["pictures.example.com"]
    assert changed.template["Outputs"]["CdnUrl"]["Value"] == "https://pictures.example.com"


CASES = [
    (query, status) for query in ({}, {"v": {"value": "1"}}, {"w": {"value": "1"}}) for status in (200, 206, 304, 403)
]


def test_only_a_versioned_link_to_a_picture_is_cached_for_a_year() -> None:
    events = [
        {"request": {"querystring": query}, "response": {"statusCode": status, "headers": {}}}
        for query, status in CASES
    ]
    code = "require('./resources/cdn.cjs').ON_RESPONSE"
    answers = from_node(f"{json.dumps(events)}.map(eval('(' + {code} + ')'))")

    for (query, status), answer in zip(CASES, answers, strict=True):
        year = {"cache-control": {"value": local.YEAR}}
        assert answer["headers"] == (year if "v" in query and status != 403 else {}), (query, status)


def test_the_local_server_adds_the_same_headers() -> None:
    headers = from_node("require('./resources/cdn.cjs').HEADERS")
    secure = headers["SecurityHeadersConfig"]

    assert {
        "X-Content-Type-Options": "nosniff",
        "Strict-Transport-Security": f"max-age={secure['StrictTransportSecurity']['AccessControlMaxAgeSec']}",
        "Content-Security-Policy": secure["ContentSecurityPolicy"]["ContentSecurityPolicy"],
        "Access-Control-Allow-Origin": ",".join(headers["CorsConfig"]["AccessControlAllowOrigins"]["Items"]),
    } == local.ADDED
