"""A function whose process ends while it is initialized."""

import os

os._exit(9)
