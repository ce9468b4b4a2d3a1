"""What a cold start of the upload API costs, and what routers in front of it would add: whole processes, in turn.

Run as ``python -m bench.coldstart_api [--rounds 15]``, with what bench/pipeline/requirements.txt names. Each way is a
new process with the function's environment that answers one GET /settings.json, which asks nothing of AWS; CPU is that
of the process, its user and system time, and byte code is compiled before. "Against ours" is the median of the
differences within each round.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

PROJECT = Path(__file__).parents[1]

EVENT = """
event = {
    "resource": "/{proxy+}", "path": "/settings.json", "httpMethod": "GET", "headers": {"Accept": "*/*"},
    "multiValueHeaders": {"Accept": ["*/*"]}, "queryStringParameters": None, "multiValueQueryStringParameters": None,
    "pathParameters": {"proxy": "settings.json"}, "body": None, "isBase64Encoded": False,
    "requestContext": {"path": "/dev/settings.json", "stage": "dev", "identity": {}},
}
"""
API = "from handlers.api import handler\n"
CHECKED = "\nassert answer['statusCode'] == 200, answer\n"

POWERTOOLS = """
from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response
from handlers.api import api, handler, _request
from api import routes
app = APIGatewayRestResolver()
def told(story):
    def answer(**parameters):
        made = story(api(), _request(app.current_event.raw_event))
        return Response(made.status, made.headers.get("Content-Type"), made.body)
    return answer
for resource, stories in routes.ROUTES.items():
    rule = resource.replace("{proxy+}", "<proxy>").replace("{", "<").replace("}", ">")
    for method, story in stories.items():
        app.route(rule, method=method)(told(story))
"""
WERKZEUG = """
from werkzeug.routing import Map, Rule
from handlers.api import api, handler, _request
from api import routes
rules = []
for resource, stories in routes.ROUTES.items():
    rule = resource.replace("{proxy+}", "<path:proxy>").replace("{", "<").replace("}", ">")
    rules += [Rule(rule, methods=[method], endpoint=story) for method, story in stories.items()]
found, parameters = Map(rules).bind("api").match(event["path"], event["httpMethod"])
answer = {"statusCode": found(api(), _request(event)).status}
"""

OURS = "**the API, its first answer: a look into a table**"
WAYS = {
    "python alone": "",
    "boto3, and clients for S3 and DynamoDB": "import boto3\nboto3.client('s3')\nboto3.client('dynamodb')\n",
    "the API imported": API,
    OURS: EVENT + API + "answer = handler(event, None)" + CHECKED,
    "the same, routed by werkzeug.routing": EVENT + WERKZEUG + CHECKED,
    "the same, routed by Powertools' APIGatewayRestResolver": (
        EVENT + POWERTOOLS + "answer = app.resolve(event, None)" + CHECKED
    ),
}

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_REGION": "eu-west-1",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "UPLOADS_BUCKET": "uploads",
    "UPLOADS_PREFIX": "images/",
    "VARIANTS_BUCKET": "variants",
    "IMAGES_TABLE": "images",
    "CONSUMER_MEMORY": "1769",
    "UPLOAD_SECONDS": "900",
    "LINK_SECONDS": "3600",
    "POWERTOOLS_METRICS_NAMESPACE": "Darkroom",
}


def main() -> None:
    """Measure every way, one after the other, round by round; print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    for script in WAYS.values():
        once(script)  # compiles what is imported
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in WAYS}
    for _ in range(rounds):
        for name, script in WAYS.items():
            taken[name].append(once(script))
    print(f"{rounds} rounds, Python {sys.version.split()[0]}, milliseconds: median (least)\n")
    print("| way | CPU | against ours | wall |\n|---|---:|---:|---:|")
    for name, times in taken.items():
        cpu, wall = zip(*times, strict=True)
        against = [mine[0] - ours[0] for mine, ours in zip(times, taken[OURS], strict=True)]
        print(f"| {name} | {_cell(cpu)} | {statistics.median(against):+.0f} | {_cell(wall)} |")


def once(script: str) -> tuple[float, float]:
    """CPU and wall milliseconds of one process."""
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=PROJECT,
        env={"PATH": os.environ["PATH"], **ENVIRONMENT},
        stdout=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"this way failed:\n{script}")
    return (usage.ru_utime + usage.ru_stime) * 1000, (time.perf_counter() - start) * 1000


def _cell(times: tuple[float, ...]) -> str:
    return f"{statistics.median(times):.0f} ({min(times):.0f})"


if __name__ == "__main__":
    main()
