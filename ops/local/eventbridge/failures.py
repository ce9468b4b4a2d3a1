"""Why an event was not delivered."""


class UndeliveredError(Exception):
    """A target did not get an event.

    Args:
        code: one of https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html.
        message: for people.
        may_pass: whether EventBridge tries again.
    """

    def __init__(self, code: str, message: str, *, may_pass: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.may_pass = may_pass
