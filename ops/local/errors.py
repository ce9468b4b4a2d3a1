"""What can stop the local stack from running, in words that say what to do."""


class StackError(Exception):
    """The local stack cannot start or go on; the message is one line that says what to do."""
