"""The pipeline: every image that lands in the uploads bucket becomes its variants, exactly once in effect.

Read in this order:

    worker      the story of one object: claim, fetch, render, publish, reconcile, complete
    publisher   how variants are brought to agree with the uploads bucket, and stay so
    published   which variants are there and up to date
    batch       Lambda's partial-batch contract; what an outcome means for its message
    messages    what was delivered, and how: one object's messages in order, all others side by side
    events      an SQS body becomes ObjectCreated and ObjectRemoved
    ledger      the images table: what an item says (record), and how it changes: claim, complete, reject, fail, release
    storage     objects in S3: one method, one conditional request; and the one rule for AWS's refusals
    recipe      the variants to make, read from recipe.toml
    imaging     bytes become variants, by an ordered list of named steps
    picture     what imaging says of an image, and what it makes of it
    sandbox     decoding and rendering in child processes; budgets of memory and time
    queue       when failed messages come back
    naming      what the variants of an object are called
    timings     how long each stage took
    backoff     a few rounds against other writers, with pauses
    errors      the error tree
    fingerprint one name for one bug, whichever process meets it
    settings    what the environment tells, every fault reported at once

`events`, `messages`, `recipe`, `naming`, `picture`, `timings`, `backoff`, `errors`, `fingerprint` and `settings` know
nothing outside the standard library; `imaging` needs Pillow, which the consumer itself never loads; `sandbox` needs
Linux; `storage`, `ledger` and `queue` know AWS; clients are arguments. Nothing happens at import.
"""
