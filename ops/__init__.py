"""The workshop: the tools people use on their own machine; never packaged, and nothing imports it.

``cli`` is the ``darkroom`` command, ``local`` AWS on this machine, ``build`` what set-up, packaging and the generated
documents need.
"""
