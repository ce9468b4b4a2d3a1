"""The emulator's credentials: drawn at each start, so that no web page and no other program knows them."""

import os
import secrets
import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import boto3
import botocore.session
from botocore.configprovider import BOTOCORE_DEFAUT_SESSION_VARIABLES

PREFIX: Final = "DARK"
"""Of an access key: AWS's own begin with AKIA or ASIA, so an environment with this one is that of a local stack."""

_FILES: Final = {"config_file", "credentials_file"}

NO_SETTINGS: Final = {
    name: (None, None, os.devnull if name in _FILES else default, convert)
    for name, (_file, _environ, default, convert) in BOTOCORE_DEFAUT_SESSION_VARIABLES.items()
}
"""For botocore's session: no profile, no file and no AWS_* variable of the user's has a say."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """An access key and its secret."""

    access_key: str
    secret: str = field(repr=False)

    @classmethod
    def draw(cls) -> "Credentials":
        """New ones."""
        letters = string.ascii_uppercase + "234567"
        return cls(PREFIX + "".join(secrets.choice(letters) for _ in range(16)), secrets.token_urlsafe(30))

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> "Credentials | None":
        """Those of a local stack that an environment carries; None when it carries none, or somebody's for AWS."""
        access_key, secret = environ.get("AWS_ACCESS_KEY_ID", ""), environ.get("AWS_SECRET_ACCESS_KEY", "")
        return cls(access_key, secret) if access_key.startswith(PREFIX) and secret else None

    def session(self, region: str) -> Any:
        """A boto3 session with them, in which nothing of the user's own settings has a say."""
        return boto3.session.Session(
            self.access_key,
            self.secret,
            region_name=region,
            botocore_session=botocore.session.Session(NO_SETTINGS),
        )

    def environ(self, region: str) -> dict[str, str]:
        """What gives them to an AWS SDK in a child process, and no file or metadata service with real ones."""
        return {
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret,
            "AWS_SESSION_TOKEN": "local",
            "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": "127.0.0.1,localhost",
            "no_proxy": "127.0.0.1,localhost",
        }
