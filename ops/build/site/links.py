"""Where a Markdown file of the project is in the site, and how its links and tables read there.

Only the standard library: MkDocs runs this in its own environment.
"""

import posixpath
import re
from typing import Final

LINK: Final = re.compile(r"(\]\()(?!\w+:|#)([^)#\s]+)")
"""A link or image to a file, up to its target: neither an address nor an anchor of the same page."""

TABLE_ROW: Final = re.compile(r"^\|.*\|$", re.MULTILINE)
CODE: Final = re.compile(r"`[^`\n]*`")
PROJECT: Final = "project"
"""The folder of the site for what stands at the root of the project."""


def site_path(source: str) -> str | None:
    """The path in the site of a file, given by its path from the project's root; None if the site does not have it."""
    folder, _, name = source.rpartition("/")
    if source == "README.md":
        return "index.md"
    if folder.partition("/")[0] == "docs":
        return source.removeprefix("docs/")
    if source == "samples/README.md":
        return f"{PROJECT}/samples.md"
    if not folder and (name.endswith(".md") or name == "LICENSE"):
        return f"{PROJECT}/{name.removesuffix('.md').lower()}.md"
    return None


def in_site(text: str, source: str) -> str:
    """The Markdown of a file as the site reads it. A link to what the site does not have stays, and fails the build."""
    return TABLE_ROW.sub(lambda row: _plain_pipes(row[0]), LINK.sub(lambda link: _moved(link, source), text))


def anchor(heading: str, separator: str = "-") -> str:
    """The anchor of a heading, as GitHub names it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", separator)


def _moved(link: re.Match[str], source: str) -> str:
    here = site_path(source)
    there = site_path(posixpath.normpath(posixpath.join(posixpath.dirname(source), link[2])))
    if here is None or there is None:
        return link[0]
    return link[1] + posixpath.relpath(there, posixpath.dirname(here) or ".")


def _plain_pipes(row: str) -> str:
    """GitHub wants a pipe in a table's code escaped, and Python-Markdown shows the backslash."""
    return CODE.sub(lambda code: code[0].replace("\\|", "|"), row)
