"""Paths with line ends: an object's key may have one, and moto then knows no such address (404)."""

from typing import Any

from moto.moto_server import werkzeug_app

from ops.local import moto_s3_probes
from ops.local.patch import Patch


def patch() -> Patch:
    """What lets a part of a path match a line end."""
    return Patch(
        "keys with line ends",
        moto_s3_probes.takes_keys_with_line_ends,
        replaces=[(werkzeug_app, "RegexConverter", with_line_ends)],
    )


def with_line_ends(converter: Any) -> Any:
    """A converter whose dot matches every character."""

    class Dotall(converter):  # type: ignore[misc]
        def __init__(self, url_map: Any, *items: Any) -> None:
            super().__init__(url_map, *items)
            self.regex: str = f"(?s:{items[0]})"

    return Dotall
