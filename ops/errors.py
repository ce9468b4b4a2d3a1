"""What can stop a command, in one line that says what to do."""


class UsageError(Exception):
    """What was asked for cannot be done as it was asked; the message is one line that says what to do instead."""


class NotFoundError(Exception):
    """Nothing has the name that was given; the message is one line that says what to do."""


class StackError(Exception):
    """The local stack cannot start or go on; the message is one line that says what to do."""
