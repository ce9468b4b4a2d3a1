"""``darkroom status``: a stage on one screen.

Read in this order:

    command     the options, and the output for people and as JSON
    reading     one status: queues, mapping, rate
    account     the account's concurrency
    metrics     what CloudWatch has of the queue and of the consumer; how images ended in the last hour
"""
