"""``darkroom replay``: a version of an object through the consumer's own code, on this machine, writing nothing to AWS.

In reading order::

    command     the options, which version is meant, and what is printed
    running     fetching and rendering as the consumer does, with the time of each step and the memory
"""
