"""A node on the PATH, and a framework that it would run: a shell script in place of both."""

import stat
from pathlib import Path

from ops.local.deployment import FRAMEWORK


def fake_node(project: Path, script: str) -> Path:
    """The folder of a node that runs ``script``, beside a project that has the framework installed."""
    (project / FRAMEWORK).parent.mkdir(parents=True)
    (project / FRAMEWORK).write_text("not run: node is a script")
    folder = project.parent / "bin"
    folder.mkdir()
    node = folder / "node"
    node.write_text(script)
    node.chmod(node.stat().st_mode | stat.S_IXUSR)
    return folder
