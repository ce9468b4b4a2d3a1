"""The upload API and its page on this machine, behind what API Gateway does.

``darkroom local`` serves it: ``server`` speaks HTTP, ``gateway`` decides as API Gateway would, ``routes`` is what
the template says of that, ``events`` is the shape in which a function is asked and answers. ``ops.local.environments``
runs it.
"""
