"""Whether children can be had is known after the start, by a picture of one pixel, and a refusal is named."""

import errno
import io
import os
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from processing.errors import SandboxUnavailable
from processing.recipe import Recipe
from processing.sandbox import Children, Renderer
from processing.sandbox.start import PIXEL, check_renderer, start_renderers
from tests.sandbox import seccomp
from tests.sandbox.conftest import HOSTILE
from tests.sandbox.refusing import CRASHES, REFUSALS

REFUSING = "tests.sandbox.refusing"


def refused(*_: object, **__: object) -> None:
    raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))


def start(recipe: Recipe, what: str) -> SandboxUnavailable | None:
    """Start a renderer that is refused something, and close it."""
    environ = {**os.environ, "MALLOC_REFUSED": what}
    (renderer,) = start_renderers(lambda: Renderer(Children(recipe, environ=environ, fork_server=REFUSING)), 1)
    try:
        check_renderer(renderer)
    except SandboxUnavailable as error:
        return error
    finally:
        renderer.close()
    return None


def test_the_picture_of_the_start_is_one_pixel() -> None:
    with Image.open(io.BytesIO(PIXEL)) as image:
        image.load()
        assert (image.format, image.size, image.mode) == ("PNG", (1, 1), "L")


def test_a_child_that_renders_the_picture_is_good_and_stays(recipe: Recipe) -> None:
    assert start(recipe, "nothing") is None


def test_a_recipe_that_allows_no_pixel_is_no_fault_of_the_child(recipe: Recipe) -> None:
    strict = replace(recipe, limits=replace(recipe.limits, max_bytes=1))

    assert start(strict, "nothing") is None


@pytest.mark.parametrize("what", REFUSALS)
def test_whatever_a_child_is_refused_is_no_crash(recipe: Recipe, what: str) -> None:
    failure = start(recipe, what)

    assert failure is not None
    assert not failure.is_crash
    assert failure.number == (errno.EAGAIN if what == "fork" else None)


def test_a_fork_that_is_refused_is_named(recipe: Recipe) -> None:
    assert (
        str(start(recipe, "fork"))
        == "no child process: BlockingIOError: [Errno 11] fork: Resource temporarily unavailable"
    )


@pytest.mark.parametrize("what", CRASHES)
def test_a_crash_is_one(recipe: Recipe, what: str) -> None:
    failure = start(recipe, what)

    assert failure is not None
    assert failure.is_crash


def test_a_child_that_does_not_respond_is_as_bad_as_a_crash(recipe: Recipe) -> None:
    class Silent(Renderer):
        def estimate(self, image: object, *, seconds: float) -> float:
            return super().estimate(image, seconds=0.001)  # type: ignore[arg-type]

    (renderer,) = start_renderers(lambda: Silent(Children(recipe, environ=os.environ, fork_server=HOSTILE)), 1)
    try:
        renderer.wait_until_started()
        with pytest.raises(SandboxUnavailable) as error:
            check_renderer(renderer)
    finally:
        renderer.close()

    assert error.value.is_crash


@pytest.mark.parametrize(
    ("module", "name"), [(subprocess, "Popen"), (os, "memfd_create"), (socket, "socketpair")], ids=lambda it: str(it)
)
def test_a_process_a_file_or_a_socket_that_is_refused_is_named(
    recipe: Recipe, monkeypatch: pytest.MonkeyPatch, module: object, name: str
) -> None:
    monkeypatch.setattr(module, name, refused)

    with pytest.raises(SandboxUnavailable) as error:
        start_renderers(lambda: Renderer(Children(recipe, environ=os.environ)), 1)

    assert (error.value.number, error.value.is_crash) == (errno.EAGAIN, False)


def test_a_libc_without_memory_files_is_named(recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "memfd_create")

    with pytest.raises(SandboxUnavailable, match="memfd_create"):
        start_renderers(lambda: Renderer(Children(recipe, environ=os.environ)), 1)


def test_what_was_started_is_ended_when_another_is_refused(recipe: Recipe) -> None:
    made: list[Renderer] = []

    def make() -> Renderer:
        if made:
            refused()
        made.append(Renderer(Children(recipe, environ=os.environ)))
        return made[-1]

    with pytest.raises(SandboxUnavailable):
        start_renderers(make, 2)

    assert made[0].children._process.poll() is not None


def test_a_child_cannot_read_what_the_consumer_knows(tmp_path: Path) -> None:
    """The credentials are in its environment and its memory; as on Lambda, both have one user, who is not root."""
    if subprocess.run([*NOBODY, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no user namespace can be made here")
    found = tmp_path / "found"

    subprocess.run([*NOBODY, sys.executable, "-c", PRIED, str(found)], check=True)

    assert found.read_text() == ""


NOBODY = ("unshare", "--user", "--map-user=65534", "--map-group=65534")

PRIED = """
import os, sys
from pathlib import Path
from processing.recipe import load
from processing.sandbox import Children, Image, Renderer
from processing.sandbox.start import start_renderers
from tests.sandbox.conftest import HOSTILE, spelled
recipe = load(Path("recipe.toml").read_text())
(renderer,) = start_renderers(lambda: Renderer(Children(recipe, environ=os.environ, fork_server=HOSTILE)), 1)
renderer.render(Image.of(spelled("pry " + sys.argv[1])), megabytes=400, seconds=30)
renderer.close()
"""


@pytest.mark.skipif(not seccomp.AVAILABLE, reason="the filter has the numbers of x86_64")
@pytest.mark.parametrize(
    ("calls", "mode"),
    [
        ("clone vfork", "in-process"),
        ("clone", "in-process"),
        ("vfork", "sandbox"),  # Python forks then
        ("memfd_create", "in-process"),
        ("socketpair", "in-process"),
        ("prctl", "in-process"),
        ("prlimit64", "in-process"),
    ],
)
def test_an_image_is_rendered_whatever_call_the_kernel_refuses(calls: str, mode: str) -> None:
    run = subprocess.run([sys.executable, "-c", COMPOSED, *calls.split()], capture_output=True, text=True, check=False)
    if "no seccomp" in run.stderr:
        pytest.skip("this kernel takes no filter")

    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines()[-1] == f"{mode} 3", run.stdout + run.stderr
    assert run.stdout.count('"cause": "SandboxUnavailable"') == (mode == "in-process")


COMPOSED = """
import os, sys
from pathlib import Path
from types import SimpleNamespace
from handlers.rendering import RenderingStart
from handlers.telemetry import log_as_json
from processing.recipe import load
from processing.sandbox.capacity import capacity
from processing.sandbox.capacity import TimeBudget
from tests.sandbox import seccomp
from tests.sandbox.conftest import picture
recipe, data = load(Path("recipe.toml").read_text()), picture()
log_as_json("INFO")
try:
    seccomp.refuse(*sys.argv[1:])
except OSError:
    sys.exit("no seccomp")
settings = SimpleNamespace(rendering="sandbox")
start = RenderingStart(settings, recipe, capacity(1769), TimeBudget(20), os.environ, count=print)
rendering = start.wait()
print(rendering.mode, len(rendering.render(data, recipe).variants))
"""
