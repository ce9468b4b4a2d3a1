"""``darkroom erase``: ``command`` is the command line, ``run`` erases many objects, ``letters`` their dead letters."""
