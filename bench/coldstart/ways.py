"""The measured ways, each a script that a new Python process runs."""

IMPORTED = "import handlers.consumer\n"
BUILT = IMPORTED + "handlers.consumer.consumer()\n"
EVENT = "import json, sys\nfrom bench.pipeline.context import Context\nevent = json.loads(sys.argv[1])\n"
DONE = "assert answer == {'batchItemFailures': []}, answer\n"
INVOKED = IMPORTED + EVENT + "answer = handlers.consumer.handler(event, Context('request'))\n" + DONE
USUAL = f"""{EVENT}
from pathlib import Path
from bench.pipeline.consumers import usual
answer = usual(Path())(event, Context("request"))
{DONE}"""
POWERTOOLS = "from aws_lambda_powertools import Logger, Metrics\nLogger()\nMetrics(namespace='Darkroom')\n"
PILLOW = "import processing.imaging.render\n"
API = "from handlers.api import handler\n"
REQUEST = """
event = {
    "resource": "/{proxy+}", "path": "/settings.json", "httpMethod": "GET", "headers": {"Accept": "*/*"},
    "multiValueHeaders": {"Accept": ["*/*"]}, "queryStringParameters": None, "multiValueQueryStringParameters": None,
    "pathParameters": {"proxy": "settings.json"}, "body": None, "isBase64Encoded": False,
    "requestContext": {"path": "/dev/settings.json", "stage": "dev", "identity": {}},
}
"""
ANSWERED = "\nassert answer['statusCode'] == 200, answer\n"
ROUTER = """
from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response
from handlers.api import api, _request
from api import routes
app = APIGatewayRestResolver()
def adapted(route):
    def answer(**parameters):
        response = route(api(), _request(app.current_event.raw_event))
        return Response(response.status, response.headers.get("Content-Type"), response.body)
    return answer
for resource, methods in routes.ROUTES.items():
    rule = resource.replace("{proxy+}", "<proxy>").replace("{", "<").replace("}", ">")
    for method, route in methods.items():
        app.route(rule, method=method)(adapted(route))
answer = app.resolve(event, None)
"""
FINISHED = """
import time
end = time.monotonic()
import json, os
from bench.processes import cpu_seconds, family
os.write(int(os.environ["ANSWERS"]), json.dumps([end, cpu_seconds(family())]).encode())
"""
S3_CLIENT = "import boto3\nboto3.client('s3')\n"
CLIENTS = S3_CLIENT + "boto3.client('dynamodb')\n"
COLLECTED = "import gc\ngc.disable = lambda: None\n"
UNCOLLECTED = "import gc\ngc.disable()\n"
BOTOCORE = """
import botocore.session
session = botocore.session.Session()
if loader:
    session.register_component("data_loader", loader)
for service in ("s3", "dynamodb"):
    session.create_client(service)
"""
LISTS_NOTHING = """
from botocore.loaders import create_loader
loader = create_loader()
loader.list_available_services = lambda kind: ["s3", "dynamodb"]
"""
OURS = {
    "consumer": "**the consumer, its first image done**",
    "api": "**the API, its first answer: routed by a table**",
}
"""By group, the way that the others are compared with."""
UNCOMPILED = "the same, without compiled byte code"
WAYS = {
    "consumer": {
        "python alone": "",
        "boto3 imported": "import boto3\n",
        "boto3, and a client for S3": S3_CLIENT,
        "boto3, and clients for S3 and DynamoDB": CLIENTS,
        "the consumer imported": IMPORTED,
        "the consumer built: children started, clients made": BUILT,
        OURS["consumer"]: INVOKED,
        "the same, with garbage collections": COLLECTED + INVOKED,
        UNCOMPILED: INVOKED,
        "the same, with Pillow and the engine imported by the consumer too": PILLOW + INVOKED,
        "the same, with Powertools Logger and Metrics": POWERTOOLS + INVOKED,
        "the usual consumer, its first image done": USUAL,
    },
    "api": {
        "python alone": "",
        "boto3, and a client for S3": S3_CLIENT,
        "boto3, and clients for S3 and DynamoDB": CLIENTS,
        "the same, without garbage collections": UNCOLLECTED + CLIENTS,
        "the same, of botocore's own session": UNCOLLECTED + "loader = None\n" + BOTOCORE,
        "the same, by a loader that lists no other services": UNCOLLECTED + LISTS_NOTHING + BOTOCORE,
        "the API imported": API,
        OURS["api"]: API + REQUEST + "answer = handler(event, None)" + ANSWERED,
        "the same, with garbage collections": COLLECTED + API + REQUEST + "answer = handler(event, None)" + ANSWERED,
        "the same, routed by Powertools' APIGatewayRestResolver": REQUEST + ROUTER + ANSWERED,
    },
}
"""The scripts. A request for /settings.json sends nothing to AWS."""


def measured(script: str) -> str:
    """Return the script with one more step, which writes its end and its CPU seconds to the pipe in $ANSWERS."""
    return script + FINISHED
