"""``darkroom estimate --plan``: which of AWS's quotas bind when millions of images are processed, and for how long.

In reading order::

    drain    how many are processed a second, and when all of them are: Lambda's ramp, the table's growth   pure
    quotas   each quota beside what the plan needs of it, with what raises it and where it is from          pure
    view     the table for people, the document for programs
"""
