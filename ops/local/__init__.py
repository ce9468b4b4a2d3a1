"""The local stack: the deployed service on this machine, in a moto server on loopback.

In reading order: ``stack`` (what ``with LocalStack(...)`` does); ``emulator`` and ``server`` (the emulator's process,
from outside and from inside) and ``moto_patches`` (what moto lacks); ``deployment`` and ``template`` (the service goes
in); ``deployed``, ``player`` and ``poller`` (the event source mapping, as Lambda plays it); ``invocation`` and
``environment`` (one execution environment, from outside and from inside).
"""
