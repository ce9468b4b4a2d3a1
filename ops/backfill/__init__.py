"""``darkroom backfill``: objects that are in the uploads bucket already become messages, as if they had just come.

In reading order::

    command     the options, and what is printed
    run         the story: objects found, those that are wanted, messages sent, and how far it has come
    sources     where objects come from: the bucket itself, an S3 Inventory, keys on standard input
    inventory   the rows of an S3 Inventory's CSV file
    wanted      which of them have to be processed
    messages    what the consumer is told, in the form of an S3 notification
    sending     SendMessageBatch, and what it did not send
    room        so many waiting at most
    checkpoint  how far it has come, in a file that survives a kill
"""
