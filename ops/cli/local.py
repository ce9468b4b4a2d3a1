"""``darkroom local``: the service, its API and its page on this machine, until Ctrl-C."""

import shutil
import socket
import webbrowser
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Annotated

import typer

from ops.cli.hints import command
from ops.cli.stage import LOCAL
from ops.cli.terminal import stderr
from ops.local.announcement import announced
from ops.local.environments import Environments
from ops.local.serve.gateway import Gateway, draw_api_key
from ops.local.serve.routes import Routes
from ops.local.serve.server import Server, listen
from ops.local.stack import LocalStack
from ops.local.template import let_in

ROOT = Path(__file__).parents[2]
AT_ONCE = 2  # environments of the API. On AWS each request that runs has its own; here the rest wait for one
LOGS = ROOT / ".cache" / "serve"  # what the functions of the last run printed, below the page's port


def local(
    port: Annotated[int, typer.Option(min=0, max=65535, help="The page's port; 0 takes any free one.")] = 4000,
    cdn: Annotated[bool, typer.Option("--cdn", help="Serve variants as CloudFront does, by versioned links.")] = False,
    origin: Annotated[
        list[str] | None,
        typer.Option(help="The origin of your own page that may use the API, as in corsOrigins."),
    ] = None,
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
) -> None:
    """Serve the upload page and its API on this machine, with everything behind it, until Ctrl-C.

    Examples:

    darkroom local

    darkroom local --port 8080 --open

    darkroom local --origin http://localhost:8000
    """
    listener = listen(port)  # before the stack, which takes seconds to start
    with (
        listener,
        _logs(listener.getsockname()[1], keep=port != 0) as logs,
        suppress(KeyboardInterrupt),
        LocalStack(ROOT, work_dir=logs, progress=_say, cdn=cdn) as stack,
        serving(stack, listener, draw_api_key(), origin or ()) as server,
        announced(stack.running),
    ):
        server.service_actions = stack.raise_if_broken  # type: ignore[method-assign]
        stderr().print(f"The page:    {server.url}")
        stderr().print(f"Its API key: {server.gateway.api_key}")
        stderr().print(f"Ctrl-C ends everything. In another terminal: {command('status', stage=LOCAL)}")
        if open_page:
            webbrowser.open(server.url)
        server.serve_forever()
    stderr().print("ended; nothing is left running", style="dim")


@contextmanager
def serving(stack: LocalStack, listener: socket.socket, api_key: str, origins: Sequence[str] = ()) -> Iterator[Server]:
    """A server on ``listener`` for the API that is deployed on the stack; whoever asks lets it serve.

    Args:
        origins: of pages that may use it, in place of the parameter corsOrigins.
    """
    function = stack.function("ApiFunction")
    environ = stack.function_environ() | ({"CORS_ORIGINS": ",".join(origins)} if origins else {})
    environments = Environments(function, environ=environ, log_dir=stack.log_dir, most=AT_ONCE)
    with closing(environments):
        routes = Routes.of(stack.template.content)
        gateway = Gateway(routes, environments.invoke, lambda said: _complain(said, stack.log_dir), api_key)
        allowed = environ.get("CORS_ORIGINS", function().function.environment.get("CORS_ORIGINS", ""))
        others = [*filter(None, map(str.strip, allowed.split(",")))]
        with Server(listener, gateway, others) as server:
            let_in(stack.client("s3"), stack.outputs["UploadsBucket"], [*server.own_origins, *others])
            yield server


@contextmanager
def _logs(port: int, *, keep: bool) -> Iterator[Path]:
    """An empty folder for what this run prints, which no other one has: the port is its own. ``keep`` it at the end."""
    folder = LOGS / str(port)
    shutil.rmtree(folder, ignore_errors=True)
    yield folder
    if not keep:
        shutil.rmtree(folder, ignore_errors=True)


def _say(sentence: str) -> None:
    stderr().print(f"{sentence} ...", style="dim")


def _complain(sentence: str, logs: Path) -> None:
    stderr().print(f"{sentence}; what the function printed is in {logs}")
