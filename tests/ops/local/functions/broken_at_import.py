"""A function that cannot be initialized."""

raise RuntimeError("a module that cannot be imported")
