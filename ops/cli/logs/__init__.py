"""``darkroom logs``: what the consumer logged, by object, by request, or as it comes.

Read in this order:

    command     the options, and the output for people and as JSON
    reading     lines of the log group, by a pattern and by time; the traceback of a failure
"""
