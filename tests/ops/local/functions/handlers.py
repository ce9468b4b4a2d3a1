"""Handlers for the player's tests; each says on its output, a JSON line, what it was given."""

import json
import os
import subprocess
import sys
import threading
import time

INITIALIZED = time.monotonic()


def _say(event, context, **more):
    facts = {
        "pid": os.getpid(),
        "initialized": INITIALIZED,
        "request_id": context.aws_request_id,
        "ids": [record["messageId"] for record in event["Records"]],
        "receive_counts": [int(record["attributes"]["ApproximateReceiveCount"]) for record in event["Records"]],
    }
    print(json.dumps(facts | more), flush=True)


def succeed(event, context):
    _say(event, context)


def tell_everything(event, context):
    names = ("function_name", "function_version", "invoked_function_arn", "memory_limit_in_mb")
    remaining = context.get_remaining_time_in_millis()
    told = {name: getattr(context, name) for name in names}
    _say(event, context, given=event, told=told, remaining=remaining, environ=dict(os.environ))


def answer_as_told(event, context):
    """Each message's body is the answer to give; ``ID`` in it stands for the message's own id."""
    (record,) = event["Records"]
    _say(event, context)
    return json.loads(record["body"].replace("ID", record["messageId"]))


def fail_the_marked(event, context):
    _say(event, context)
    marked = [record["messageId"] for record in event["Records"] if record["body"] == "bad"]
    return {"batchItemFailures": [{"itemIdentifier": identifier} for identifier in marked]}


def raise_an_exception(event, context):
    _say(event, context)
    raise ValueError("the handler's own words")


def return_what_is_not_json(event, context):
    _say(event, context)
    return {"batchItemFailures": {1, 2}}


def return_nan(event, context):
    _say(event, context)
    return {"batchItemFailures": [], "cost": float("nan")}


def exit_at_once(event, context):
    _say(event, context)
    os._exit(7)


def leave_by_sys_exit(event, context):
    _say(event, context)
    raise SystemExit(0)


def never_end(event, context):
    _say(event, context)
    threading.Event().wait()


def never_end_when_told(event, context):
    _say(event, context)
    if event["Records"][0]["body"] == "hang":
        threading.Event().wait()


def start_a_child_and_never_end(event, context):
    child = subprocess.Popen([sys.executable, "-c", "import threading; threading.Event().wait()"])
    _say(event, context, child=child.pid)
    threading.Event().wait()


def work_for_a_while(event, context):
    start = time.monotonic()
    time.sleep(0.3)
    _say(event, context, start=start, end=time.monotonic())


def work_until_told(event, context):
    """Until the file named RELEASE exists."""
    _say(event, context)
    while not os.path.exists(os.environ["RELEASE"]):
        time.sleep(0.02)
    print(json.dumps({"released": True}), flush=True)


def hide_for_ten_minutes(event, context):
    """ChangeMessageVisibility from inside the function, which is how it backs off."""
    import boto3

    _say(event, context)
    sqs = boto3.client("sqs")
    for record in event["Records"]:
        sqs.change_message_visibility(
            QueueUrl=os.environ["QUEUE_URL"], ReceiptHandle=record["receiptHandle"], VisibilityTimeout=600
        )
    raise ValueError("later")
