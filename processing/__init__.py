"""The system: every image that lands in the uploads bucket becomes its variants, exactly once in effect.

Read in this order:

    worker      the story of one object: claim, fetch, render, publish, look, complete
    publisher   how variants are brought to agree with the uploads bucket, and stay so
    published   which variants are there and up to date
    batch       Lambda's partial-batch contract; what an outcome means for its message
    messages    what was delivered, and how: one object's messages in order, all others side by side
    time_budget what time is left, and how much of it is promised to which messages
    capacity    what a function of a given memory and timeout has room for
    events      an SQS body becomes ObjectCreated and ObjectRemoved
    recipe      the variants to make, read from recipe.toml
    imaging     bytes become variants, by an ordered list of named steps
    picture     what imaging says of an image, and what it makes of it
    contained   decoding and rendering in child processes, within limits
    ledger      the images table: claim, complete, reject, fail, release
    store       objects in S3: one method, one conditional request
    queue       when failed messages come back
    naming      what the variants of an object are called
    stopwatch   how long each stage took
    backoff     a few rounds against other writers, with pauses
    aws         the one rule for AWS's refusals
    errors      the error tree
    fingerprint one name for one bug, whichever process meets it
    settings    what the environment tells, every fault reported at once
    api         the HTTP side: people send images and see what becomes of them; it has a map of its own

`events`, `messages`, `recipe`, `naming`, `picture`, `stopwatch`, `time_budget`, `capacity`, `backoff`,
`errors`, `fingerprint` and `settings` know nothing outside the standard library; `imaging` needs Pillow, which the
consumer itself never loads; `contained` needs Linux; `store`, `ledger`, `queue`, `aws` and `api` know AWS; clients are
arguments. Nothing happens at import.
"""
