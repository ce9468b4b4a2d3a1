"""``darkroom backfill``: send objects that are in the uploads bucket already through the service.

In reading order::

    command     the options, and what is printed
    run         objects are found, judged and sent; the checkpoint
    sources     where objects come from: the bucket itself, or keys on standard input
    inventory   the same of an S3 Inventory: its rows
    manifest    the manifest.json of an inventory and its files, in S3 or on this machine, checked
    wanted      which of them have to be processed, and the requests that takes
    sending     the messages, and SendMessageBatch with its retries and limits
"""
