"""``darkroom doctor``: whether a stage can be deployed, and whether a deployed one does what it should.

Read in this order:

    checks      every check in its order: one list before a deployment, one after it
    results     what a check returns; how it is run, and what is removed from its words
    checkup     what the checks of one run share
    account     credentials, clock, stack, quotas
    rights      IAM's own simulation of what the caller may do
    ahead       before a deployment: tools and names
    deployed    after one: function, mapping, notification, queue, alarms, runtime
    pictures    the doctor's own pictures
    pipeline    uploads them, follows them to their variants, and the broken one to the dead-letter queue
    browser     presigned POST, CORS, early refusals, the page
    following   waits for the ends of pictures in the images table
    cleaning    removes what a run has left, and what an interrupted one has
    report      the table, and the JSON document
    command     the options, and the exit code
"""
