"""``python -m ops``: the darkroom command."""

from ops.cli import app

if __name__ == "__main__":
    app(prog_name="darkroom")
