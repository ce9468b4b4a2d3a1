"""``darkroom estimate --plan``: which of AWS's quotas bind when millions of images are processed, and for how long.

In reading order::

    quotas   each quota beside what the plan needs of it, with what raises it and where it is from          pure
    view     the table for people, the document for programs

`ops.cli.costs.drain` has the hours: Lambda's ramp, S3's rates, the table's growth.
"""
