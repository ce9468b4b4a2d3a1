"""Paths with line ends: an object's key may have one, and moto then knows no such address (404)."""

from collections.abc import Callable
from typing import Any

from moto.moto_server.utilities import RegexConverter

from ops.local import moto_s3_probes
from ops.local.patch import Patch


def patch() -> Patch:
    """What lets a part of a path match a line end."""
    return Patch(
        "keys with line ends",
        moto_s3_probes.takes_keys_with_line_ends,
        replaces=[(RegexConverter, "__init__", with_line_ends)],
    )


def with_line_ends(init: Callable[..., None]) -> Callable[..., None]:
    """A converter whose dot matches every character."""

    def made(converter: RegexConverter, url_map: Any, *items: Any) -> None:
        init(converter, url_map, *items)
        converter.regex = f"(?s:{converter.regex})"

    return made
