"""The part of Lambda's context object that the handlers use."""

import os
import time
from dataclasses import dataclass, field


@dataclass
class Context:
    """The context of an invocation that starts now."""

    aws_request_id: str
    function_name: str = "consumer"
    memory_limit_in_mb: int = 1769
    invoked_function_arn: str = "arn:aws:lambda:eu-west-1:123456789012:function:consumer"
    end: float = field(default_factory=lambda: time.monotonic() + float(os.environ["FUNCTION_TIMEOUT"]))

    def get_remaining_time_in_millis(self) -> int:
        return int((self.end - time.monotonic()) * 1000)
