"""``darkroom replay``: a version of an object through the consumer's own code, on this machine, writing nothing to AWS.

In reading order::

    command     the options, and what is printed
    target      what was asked for, an object or a dead letter, becomes one version of one object
    running     fetching and rendering as the consumer does, in this process or contained
    watching    what the steps took, and the most memory
"""
