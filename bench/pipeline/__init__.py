"""The cost of a batch: this consumer, the usual one and a naive one, interleaved, on doubles of AWS with latency.

Run as ``python -m bench.pipeline``. In reading order::

    __main__    the command
    consumers   the three consumers, and the engine alone
    beside      the code of another commit
    worker      a consumer as a child process on one core
    measure     consumers measured on the same batches; bench.runner has the rounds
    doubles     S3, DynamoDB and SQS on loopback, over TLS, with latency
    originals   the uploaded images
    growth      time and memory against the number of messages
    cost        dollars from seconds and requests; pure
    report      the tables and plots of docs/benchmarks.md
"""
