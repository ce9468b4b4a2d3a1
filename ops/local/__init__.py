"""The local stack: the deployed service on this machine, in a moto server on loopback.

In reading order: ``stack`` (what ``with LocalStack(...)`` does); ``emulator`` and ``server`` (the emulator's process,
from outside and from inside), ``guard`` and ``credentials`` (whose requests they take) and ``moto_patches`` (what moto
lacks); ``announcement`` (how other commands find it) and ``user_environment`` (what its children get of the user's
shell); ``deployment`` and ``template`` (the service goes in); ``deployed``, ``player`` and ``poller`` (the event source
mapping of the queue, as Lambda plays it), ``stream_mapping`` and ``stream_player`` (that of the table's stream);
``live``, ``program`` and ``packages`` (the deployed function as it is now, its package on disk, and what that imports);
``environments``, ``invocation`` and ``environment`` (execution environments: all, one from outside, one from inside).
"""
