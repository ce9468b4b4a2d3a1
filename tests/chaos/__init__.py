"""The consumer on the embedded stack while processes are killed and services fail: ``python -m tests.chaos``."""
