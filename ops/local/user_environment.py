"""What of the user's environment the children of the local stack get: all but the families that could change them.

Set-up has the same list for pip and npm, in ops/build/setup.mjs. A function's environment is an allow-list of its own
(``invocation``).
"""

import os
import re
from collections.abc import Mapping
from typing import Final

FAMILIES: Final = re.compile(
    r"(AWS|BOTO|BOTOCORE|CONDA|FLASK|MOTO|NODE|NPM|PIP|SERVERLESS|SLS|WERKZEUG)_|PYTHON[A-Z_]|VIRTUAL_ENV",
    re.IGNORECASE,
)
"""Profiles, endpoints, flags and paths: each is for something else that the user runs."""

KEPT: Final = re.compile(
    r"PYTHONPATH$"  # of the command's own process: where this project is
    r"|PIP_(INDEX_URL|EXTRA_INDEX_URL|TRUSTED_HOST|CERT|CLIENT_CERT|PROXY|CACHE_DIR|FIND_LINKS|NO_INDEX"
    r"|DEFAULT_TIMEOUT|TIMEOUT|RETRIES)$"  # the way to a mirror
    r"|NODE_EXTRA_CA_CERTS$",
    re.IGNORECASE,
)

PROXIES: Final = re.compile(r"(HTTPS?|ALL|NO|FTP)_PROXY$", re.IGNORECASE)

PIP_OF_OUR_OWN: Final = {"PIP_USER": "0", "PIP_REQUIRE_VIRTUALENV": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
"""Over pip's configuration file, in which people set what a shell sets elsewhere."""


def for_children(environ: Mapping[str, str] | None = None, *, online: bool = False) -> dict[str, str]:
    """The environment of a child that talks to the emulator alone or, when ``online``, to a package registry too."""
    environ = os.environ if environ is None else environ
    unwanted = FAMILIES if online else re.compile(f"{FAMILIES.pattern}|{PROXIES.pattern}", re.IGNORECASE)
    kept = {name: value for name, value in environ.items() if KEPT.match(name) or not unwanted.match(name)}
    return kept | PIP_OF_OUR_OWN if online else kept
