"""Set-up (``setup.mjs``), packaging (``check``, ``bytecode``), generated documents (``clidoc``, ``permissions``).

Packaging runs ``check`` and ``bytecode`` with whatever Python the user has: they import the standard library and
processing alone.
"""
