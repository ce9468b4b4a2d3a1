"""``python -m ops``: the darkroom command."""

import signal
import sys

if __name__ == "__main__":
    signal.signal(signal.SIGINT, lambda *_: sys.exit(130))  # while the modules load, there is nothing to end

    from ops.cli.main import main

    main()
