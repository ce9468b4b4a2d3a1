"""Erase images at random moments of their worker's life, in every order: ``python -m tests.erasure --times 40``."""

import argparse
import sys
from collections.abc import Sequence

from moto import mock_aws
from rich.console import Console
from rich.table import Table

from tests.erasure.conftest import credentials
from tests.erasure.wipes import ORDERS, RIGHT, run


def main(argv: Sequence[str] | None = None) -> int:
    """Exit 0 when the right order left nothing."""
    parser = argparse.ArgumentParser(prog="python -m tests.erasure", description=__doc__)
    parser.add_argument("--times", type=int, default=40)
    options = parser.parse_args(argv)
    table = Table(title=f"{options.times} erasures an order: pictures left / records left")
    for column in ("order", "removals off", "removals on"):
        table.add_column(column)
    bad = 0
    for order in ORDERS:
        cells = []
        for removals in (False, True):
            with credentials(), mock_aws():
                left = run(order, times=options.times, removals=removals)
            pictures, records = sum(each.pictures > 0 for each in left), sum(each.records > 0 for each in left)
            cells.append(f"{pictures} / {records}")
            bad += (pictures + records) if order == RIGHT else 0
        table.add_row(order, *cells)
    Console().print(table)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
