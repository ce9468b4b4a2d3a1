"""The ``darkroom`` command: ``main`` lists its subcommands; a module or a folder bears the name of each.

What several of them share: ``stage`` (a deployed stage and its clients), ``terminal`` and ``tables``
(output), ``queues`` (depth, rate limit, batched sends), ``follow`` (follow uploads to their outcome), ``recipes``
(compare variants with the recipe), ``settings`` and ``costs`` (the numbers of a stage, and their price).
"""
