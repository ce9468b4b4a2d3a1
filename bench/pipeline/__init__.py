"""What a batch costs: this consumer, the usual one and a naive one, side by side on doubles of AWS that are slow.

Run as ``python -m bench.pipeline``. In reading order::

    __main__    the command, and the interleaving
    consumers   the three consumers, and the engine alone
    beside      our consumer as it was at another commit
    worker      one of them in a process of its own, on one core
    measure     the consumers take turns
    processes   CPU and memory of a process and its children
    doubles     S3, DynamoDB and SQS on loopback, over TLS, as slow as told
    originals   the pictures that are uploaded
    growth      a hundred, a thousand, ten thousand messages
    cost        seconds and requests become dollars; pure
    machine     on what and beside what it was measured
    report      the tables and the plots of docs/benchmarks.md
"""
