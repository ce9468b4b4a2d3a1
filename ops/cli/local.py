"""``darkroom local``: the service, its API and its page on this machine, until Ctrl-C."""

import socket
import webbrowser
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Annotated

import typer

from ops.cli.terminal import stderr
from ops.local.emulator import announced
from ops.local.environments import Environments
from ops.local.serve.gateway import API_KEY, Gateway
from ops.local.serve.routes import Routes
from ops.local.serve.server import Server, listen
from ops.local.stack import LocalStack

ROOT = Path(__file__).parents[2]
AT_ONCE = 2  # environments of the API. On AWS each request that runs has its own; here the rest wait for one
LOGS = ROOT / ".cache" / "serve"  # what the functions of the last run printed


def local(
    port: Annotated[int, typer.Option(min=0, max=65535, help="The page's port; 0 takes any free one.")] = 4000,
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
) -> None:
    """Serve the upload page and its API on this machine, with everything behind it, until Ctrl-C.

    Examples:

    darkroom local

    darkroom local --port 8080 --open
    """
    listener = listen(port)  # before the stack, which takes seconds to start
    with (
        listener,
        suppress(KeyboardInterrupt),
        LocalStack(ROOT, work_dir=LOGS, progress=_say) as stack,
        serving(stack, listener) as server,
        announced(stack.endpoint),
    ):
        server.service_actions = stack.player.raise_if_broken  # type: ignore[method-assign]
        stderr().print(f"The page:    {server.url}")
        stderr().print(f"Its API key: {API_KEY}")
        stderr().print("Ctrl-C ends everything. In another terminal: npm run darkroom -- status --stage local")
        if open_page:
            webbrowser.open(server.url)
        server.serve_forever()
    stderr().print("ended; nothing is left running", style="dim")


@contextmanager
def serving(stack: LocalStack, listener: socket.socket) -> Iterator[Server]:
    """A server on ``listener`` for the API that is deployed on the stack; whoever asks lets it serve."""
    function = stack.function("ApiFunction")
    environments = Environments(function, environ=stack.environ(), log_dir=stack.log_dir, most=AT_ONCE)
    with closing(environments):
        gateway = Gateway(Routes.of(stack.template.content), environments.invoke, note=_complain)
        with Server(listener, gateway) as server:
            yield server


def _say(sentence: str) -> None:
    stderr().print(f"{sentence} ...", style="dim")


def _complain(sentence: str) -> None:
    stderr().print(f"{sentence}; what the function printed is in {LOGS / 'logs'}")
