"""The local stack: the deployed service on this machine, in a moto server on loopback.

In reading order: ``stack`` (what ``with LocalStack(...)`` does), ``server`` and ``moto_patches`` (the emulator),
``deployment`` and ``apply`` (the service goes in), ``player`` (the event source mapping, as Lambda plays it),
``invocation`` and ``environment`` (one execution environment, from outside and from inside).
"""
