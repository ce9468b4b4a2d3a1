"""What requirements need on this machine, read from what is installed here."""

import importlib.metadata

from packaging.requirements import Requirement

from ops.build.locks import normalized


def applies(requirement, extras=()):
    return not requirement.marker or any(requirement.marker.evaluate({"extra": extra}) for extra in ("", *extras))


def needed(requirements):
    """Name and version of all that these need on this machine, read from what is installed here."""
    found, todo = {}, [(each.name, tuple(each.extras)) for each in requirements if applies(each)]
    while todo:
        name, extras = todo.pop()
        distribution = importlib.metadata.distribution(name)
        first = normalized(name) not in found
        found[normalized(name)] = distribution.version
        wanted = [Requirement(each) for each in distribution.requires or ()]
        wanted = [each for each in wanted if applies(each, extras)]
        todo += [
            (each.name, tuple(each.extras))
            for each in wanted
            if first or (extras and normalized(each.name) not in found)
        ]
    return found
