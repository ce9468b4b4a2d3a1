"""The local stack: the deployed service on this machine, in a moto server on loopback.

In reading order: ``stack`` (what ``with LocalStack(...)`` does); ``emulator`` and ``server`` (the emulator's process,
from outside and from inside), ``guard`` and ``credentials`` (who may ask) and ``moto_patches`` (what moto lacks);
``announcement`` (how other commands find it) and ``user_environment`` (what its children see of the user's shell);
``deployment`` and ``template`` (the service goes in); ``deployed``, ``player`` and ``poller`` (the event source
mapping, as Lambda plays it); ``invocation`` and ``environment`` (one execution environment, from outside and from
inside).
"""
