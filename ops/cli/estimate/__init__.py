"""``darkroom estimate``: command (its options), reckoning (the sums), printing (tables, formula, document)."""

from ops.cli.estimate.command import estimate

__all__ = ["estimate"]
