"""The package ``darkroom`` of an installed command: ``python -m ops``, with the modules and files that lie beside this.

pyproject.toml puts this file at ``darkroom/__init__.py``, and below ``darkroom/`` what the command needs of a checkout,
under the same names. So nothing in site-packages is called ``ops`` or ``processing``.
"""

import runpy
import sys
from pathlib import Path


def main() -> None:
    """Run the command; what it starts finds the modules by this path as well."""
    sys.path.insert(0, str(Path(__file__).parent))
    runpy.run_module("ops", run_name="__main__", alter_sys=True)
