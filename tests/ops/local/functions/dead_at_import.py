"""A function whose process ends while it is initialised."""

import os

os._exit(9)
