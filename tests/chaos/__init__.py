"""Consumer and announcer on an emulator while processes are killed and services fail: ``python -m tests.chaos``."""
