"""``backfill``, ``audit`` and ``dlq`` over a million objects, against doubles of listing, inventory, table and queue.

The doubles make every key, item and message from its number when it is requested, so that what is measured is the
command's own memory and time. The emulator's S3 sorts a bucket for each page, and so is not used.

    doubles     buckets, table and queues of so many objects, made by number
    measure     one command in this process: seconds, peak memory, requests
"""
