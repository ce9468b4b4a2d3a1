"""How the emulator's process starts, by ``python -m ops.local.emulator_process PORT``: moto's imports at half the cost.

They make a million objects that stay, and each of moto's own sessions would parse the 4 MB model of EC2 again.
"""

import functools
import gc

import botocore.loaders
import botocore.session


def main() -> None:
    """Import the server without garbage collections, one loader of models for all sessions, and run it."""
    gc.disable()
    botocore.session.create_loader = functools.cache(botocore.loaders.create_loader)
    from ops.local import server

    gc.freeze()
    gc.enable()
    server.main()


if __name__ == "__main__":
    main()
