"""``darkroom dlq``: the dead-letter queue, why its messages failed, and how they are processed again.

Read in this order:

    messages   receive every message of the dead-letter queue, hide it meanwhile, and put it back or delete it
    causes     a message, and why it failed: each is joined with its record in the images table
    groups     the messages by their cause
    runbook    what each cause means, and what to do
    selection  which messages a command works on: the options that choose, and the queue that is held
    report     what is said of those messages, and of what was hidden
    view       groups, list, show
    redrive    redrive: a few messages first, and the rest for as long as they pass
    parts      the same of a queue that holds more than SQS gives at a time
    native     the same by SQS's own message move task
    history    history: who redrove what, when, and with which result
    export     export, import, purge: messages as JSON lines
"""
