"""``darkroom estimate``: command (its options), reckoning (the sums), formula (how they came about),
printing (tables, document)."""

from ops.cli.estimate.command import estimate

__all__ = ["estimate"]
