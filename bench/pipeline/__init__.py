"""The cost of a batch: this consumer, the usual one and two naive ones, interleaved, on doubles of AWS with latency.

Run as ``python -m bench.pipeline``. In reading order::

    __main__    the command
    consumers   the consumers that ours is compared with, and the engine alone
    beside      the code of another commit
    settings    the timeouts that follow from the batch size
    worker      a consumer as a child process on one core
    measure     consumers measured on the same batches; bench.runner has the rounds
    peaks       the largest memory of a consumer
    doubles     S3, DynamoDB and SQS on loopback, over TLS, with latency
    originals   the uploaded images
    growth      time and memory against the number of messages
    cost        dollars from seconds and requests; pure
    figures     what is read off the rounds: speeds, ratios, GB-seconds
    report      the tables of docs/benchmarks.md; plots, its plots
"""
