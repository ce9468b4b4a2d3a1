"""From an upload to its variants, by stage: how long an image waits, and for what.

Run as ``python -m bench.ready``. In reading order::

    __main__   the command, and its table in docs/benchmarks.md
    stages     a consumer as a child process that reports the stages of each image; batches measured, and a live run
    clock      Lambda's pollers and environments on a virtual clock, with measured batches in them; pure
"""
