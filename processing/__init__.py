"""The pipeline: every image in the uploads bucket becomes its variants, exactly once in effect.

Read in this order:

    worker      the processing of one object: claim, fetch, render, publish, reconcile, complete; milliseconds by stage
    publisher   publishes variants and reconciles them with the uploads bucket; which exist and are up to date
    concurrency work for several items in parallel, and against other writers: threads, a lease, rounds
    batch       Lambda's partial batch responses; the fate of a message by the outcome of its objects
    messages    SQS messages: parsed, grouped by object, processed in parallel, postponed
    events      an SQS body becomes ObjectCreated and ObjectRemoved
    ledger      the images table: items (record, image, item), and their changes: claim, complete, reject, fail, release
    outbox      the end of a version becomes an event on a bus
    storage     objects in S3, one conditional request in each method; all their versions; the rule for AWS's refusals
    erasure     everything of one object is deleted, in an order that no worker can overtake
    recipe      the variants to make, read from recipe.toml
    imaging     bytes become variants, by an ordered list of named steps
    picture     the interface of imaging: an image's header, and the variants rendered from it
    geometry    sizes and boxes: each variant's frame, and the larger variant that it is made from
    memory      the memory that rendering takes, from the header alone
    reach       which limits of a recipe a function's memory cannot reach
    sandbox     decoding and rendering in child processes; budgets of memory and time
    links       versioned links to variants on a CDN
    outcome     how the processing of one object ends
    naming      what an object's key decides: the recipe for it, and the keys of its variants
    errors      the error tree
    fingerprint one name for one bug, the same in every process
    settings    the settings from the environment; all faults are reported together

`events`, `recipe`, `naming`, `picture`, `geometry`, `memory`, `reach`, `links`, `concurrency`, `errors`, `fingerprint`,
`outcome` and `settings` need only the standard library; `imaging` needs Pillow, which the consumer itself does not
load; `sandbox` needs Linux; `storage`, `ledger`, `outbox` and `messages` call AWS, through clients that are arguments.
Nothing happens at import.
"""
