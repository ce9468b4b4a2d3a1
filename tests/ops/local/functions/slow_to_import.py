"""A function that takes a second to initialize and none to run."""

import time

time.sleep(1)


def handler(event, context):
    return None
