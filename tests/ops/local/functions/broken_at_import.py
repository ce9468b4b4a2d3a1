"""A function that cannot be initialised."""

raise RuntimeError("a module that cannot be imported")
