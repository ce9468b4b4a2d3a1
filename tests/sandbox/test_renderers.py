"""An image that hangs, crashes or swells harms only itself: with child processes, and an engine told to misbehave."""

import os
import select
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import PIL
import pytest

from processing import imaging
from processing.errors import (
    CorruptImage,
    ImageTooLarge,
    NotStarted,
    OutOfTime,
    RenderBug,
    RenderCrash,
    RenderOutOfMemory,
    RenderTimeout,
    UnsupportedFormat,
)
from processing.fingerprint import places_of
from processing.imaging import Rendered
from processing.ledger import reason_of
from processing.recipe import Recipe
from processing.sandbox import Children, Image, MemoryBudget, Renderer, Renderers
from processing.sandbox.capacity import MAX_KEPT, TimeBudget
from processing.sandbox.processes import ChannelClosed
from tests.sandbox.conftest import AMPLE, HOSTILE, MEGABYTES, SECONDS, Make, family, picture, spelled


def second_question(image: Image) -> dict[str, Any]:
    """To render an image that the child has already."""
    about = {"number": 2, "image": image.digest, "sends_image": False, "in_jpeg": False}
    return {**about, "is_admitted": True, "only": None}


def test_a_child_imports_nothing_from_the_folder_it_is_started_in(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever replays an image may stand in a folder that has a ``json.py``, or a ``processing`` of its own."""
    (tmp_path / "json.py").write_text("raise RuntimeError('the wrong module')")
    (tmp_path / "processing").mkdir()
    (tmp_path / "processing" / "__init__.py").write_text("")
    monkeypatch.chdir(tmp_path)
    renderer = Renderer(Children(recipe, environ=os.environ))
    try:
        assert renderer.estimate(Image.of(picture()), seconds=AMPLE) > 0
    finally:
        renderer.close()


def test_a_child_imports_from_its_parents_folders_and_from_no_other(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where functions run from their package alone, their children must not have what else is installed."""
    packages = Path(PIL.__file__).parents[1]
    for needed in ("PIL", "pillow.libs", "cykooz_resizer"):
        (tmp_path / needed).symlink_to(packages / needed)
    paths = [str(tmp_path), *(path for path in sys.path if path not in ("", str(packages)))]
    monkeypatch.setattr(sys, "path", paths)
    renderer = Renderer(Children(recipe, environ=os.environ, fork_server=HOSTILE))
    try:
        renderers = Renderers([renderer], recipe, memory=MemoryBudget(MEGABYTES), budget=TimeBudget(AMPLE))
        renderers.render(spelled(f"note_paths {tmp_path}/noted"), recipe)
    finally:
        renderer.close()

    assert set((tmp_path / "noted").read_text().split("\n")) <= set(paths)


def test_a_child_makes_the_variants_that_are_missing_with_the_same_bytes(make: Make, recipe: Recipe) -> None:
    image = picture()
    whole = imaging.render(image, recipe)

    made = make().render(image, recipe, ["phone"])

    assert made.variants == tuple(variant for variant in whole.variants if variant.name == "phone")
    assert (made.source, made.lost, made.preview) == (whole.source, whole.lost, whole.preview)


def test_a_child_makes_the_very_same_pictures(make: Make, recipe: Recipe) -> None:
    image = picture(size=(2500, 1400))

    assert make().render(image, recipe) == imaging.render(image, recipe)


def test_a_child_makes_jpegs_of_an_image_whose_key_says_so_and_of_no_other(make: Make, recipe: Recipe) -> None:
    image, renderers = picture(kind="PNG"), make()
    kept, in_jpeg = renderers.render(image, recipe), renderers.render(image, recipe.in_jpeg())

    assert (kept, in_jpeg) == (imaging.render(image, recipe), imaging.render(image, recipe.in_jpeg()))
    assert [{each.format for each in made.variants} for made in (kept, in_jpeg)] == [{"png"}, {"jpeg"}]
    with pytest.raises(ValueError, match="another recipe"):
        renderers.render(image, replace(recipe, variants=recipe.variants[1:]))


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"no image at all", UnsupportedFormat),
        (picture(size=(2000, 2000), quality=95)[:900], CorruptImage),
        (picture(size=(640, 480), kind="PNG")[:-60], CorruptImage),
    ],
    ids=["unsupported", "no header", "no end"],
)
def test_what_is_wrong_with_the_bytes_is_said_as_without_a_child(
    make: Make, recipe: Recipe, data: bytes, kind: type[Exception]
) -> None:
    with pytest.raises(kind) as here:
        imaging.render(data, recipe)
    with pytest.raises(kind) as there:
        make().render(data, recipe)

    assert str(there.value) == str(here.value)


@pytest.mark.parametrize(
    ("spell", "kind"),
    [
        ("hang", RenderTimeout),
        ("loop", RenderTimeout),
        ("crash", RenderCrash),
        ("leave", RenderCrash),
        ("swell 2000", RenderOutOfMemory),
        ("be_killed", RenderOutOfMemory),
    ],
)
def test_a_bad_end_is_this_image_s_own_after_a_second_try(
    make: Make, recipe: Recipe, spell: str, kind: type[Exception]
) -> None:
    renderers = make(seconds=SECONDS if kind is RenderTimeout else AMPLE)

    with pytest.raises(kind) as error:
        renderers.render(spelled(spell), recipe)

    assert "the first try, beside other images" in error.value.__notes__[0]
    assert renderers.render(picture(), recipe).variants


def test_what_was_its_neighbors_doing_is_mended_by_the_second_try(make: Make, recipe: Recipe, tmp_path: Path) -> None:
    assert make().render(spelled(f"crash_once {tmp_path}/seen"), recipe).variants


def test_what_outgrows_its_promise_gets_all_the_memory_there_is(make: Make, recipe: Recipe) -> None:
    assert make(megabytes=400).render(spelled("swell 300"), recipe).variants


def test_a_child_that_has_grown_makes_way_for_a_fresh_one(make: Make, recipe: Recipe) -> None:
    renderers = make(megabytes=400)
    (renderer,) = renderers._renderers
    seen = []

    for spell in ("grow 1", "grow 1", *(f"grow {MAX_KEPT + 20}" for _ in range(4))):
        renderer.wait_until_started()
        seen.append(family(renderer))
        assert renderers.render(spelled(spell), recipe).variants

    keepers, children = zip(*seen, strict=True)
    assert len({*keepers}) == 1
    assert len({*children[:3]}) == 1
    assert len({*children[2:]}) == 4


def test_a_child_that_was_killed_is_asked_no_more(make: Make, recipe: Recipe) -> None:
    renderers = make()
    (renderer,) = renderers._renderers
    image = picture()
    expected = imaging.render(image, recipe)
    seen = set()

    for kills in (1, 2, 3):
        renderer.wait_until_started()
        seen.add(family(renderer)[1])
        for _ in range(kills):
            renderer.kill()

        assert renderers.render(image, recipe) == expected
    assert len({*seen, family(renderer)[1]}) == 4


def test_a_cause_of_death_is_the_child_s_own(recipe: Recipe) -> None:
    """Not that of one which was ended before, and of which nobody has asked."""
    renderer = Renderer(Children(recipe, environ=os.environ, fork_server=HOSTILE))
    try:
        renderer.kill()
        renderer.kill()
        with pytest.raises(RenderCrash, match="SIGSEGV"):
            render(renderer, spelled("crash"), seconds=AMPLE)
        with pytest.raises(RenderCrash, match="status 3"):
            render(renderer, spelled("leave"), seconds=AMPLE)
    finally:
        renderer.close()


def test_a_child_ends_with_its_keeper_whatever_it_is_at(recipe: Recipe) -> None:
    renderer = Renderer(Children(recipe, environ=os.environ, fork_server=HOSTILE))
    try:
        image = Image.of(spelled("hang"))
        renderer.estimate(image, seconds=AMPLE)
        keeper, child = family(renderer)
        handle, ended = os.pidfd_open(child), select.poll()
        ended.register(handle, select.POLLIN)
        renderer._channel.send({**second_question(image), "seconds": AMPLE})
        os.kill(keeper, signal.SIGKILL)

        assert ended.poll(AMPLE * 1000 / 2)
        os.close(handle)
    finally:
        renderer.close()


def test_a_child_has_nothing_of_its_keeper_s_and_the_keeper_nothing_of_its(recipe: Recipe) -> None:
    """Or an image could speak for the keeper, and nobody would see that a child has ended."""
    renderer = Renderer(Children(recipe, environ=os.environ))
    try:
        renderer.estimate(Image.of(picture()), seconds=AMPLE)
        keeper, child = map(opened, family(renderer))
        assert not keeper & child
        assert (len(keeper), len(child)) == (3, 3)
    finally:
        renderer.close()


def test_neighbors_are_rendered_while_one_hangs(make: Make, recipe: Recipe) -> None:
    renderers = make(2, seconds=SECONDS)
    meanwhile = 0

    def hang() -> None:
        with pytest.raises(RenderTimeout):
            renderers.render(spelled("hang"), recipe)

    hanging = threading.Thread(target=hang)
    hanging.start()
    while hanging.is_alive() and meanwhile < 5:
        renderers.render(picture(), recipe)
        meanwhile += hanging.is_alive()
    hanging.join()

    assert meanwhile > 0


def test_a_bug_in_the_child_is_a_bug_with_its_own_place_and_traceback(make: Make, recipe: Recipe) -> None:
    renderers = make()

    errors = []
    for _ in range(2):
        with pytest.raises(RenderBug) as error:
            renderers.render(spelled("stumble"), recipe)
        errors.append(error.value)

    one, two = map(reason_of, errors)
    assert one == two
    assert (one.cause, one.message) == ("ZeroDivisionError", "division by zero")
    assert places_of(errors[0])[-1] == "processing/sandbox/fork_server.py:_answer"  # the engine is the test's own
    assert 'raise ZeroDivisionError("division by zero")' in errors[0].__notes__[0]


def test_what_can_never_fit_is_too_large(make: Make, recipe: Recipe) -> None:
    with pytest.raises(
        ImageTooLarge, match=r"takes up to \d+ MB; the limit is 50 MB, of the function's own \(the parameter memory\)"
    ):
        make(megabytes=50).render(picture(size=(4000, 4000), kind="PNG"), recipe)


def test_a_fresh_child_is_there_within_50_milliseconds(recipe: Recipe) -> None:
    renderer = Renderer(Children(recipe, environ=os.environ, fork_server=HOSTILE))
    taken = []
    try:
        for _ in range(9):
            with pytest.raises(RenderCrash):
                render(renderer, spelled("crash"), seconds=AMPLE)
            start = time.monotonic()
            renderer.wait_until_started()
            taken.append(time.monotonic() - start)
    finally:
        renderer.close()

    assert min(taken) < 0.050  # the machine may be busy with other things


def test_a_child_knows_none_of_the_credentials(recipe: Recipe) -> None:
    environ = {**os.environ, "AWS_ACCESS_KEY_ID": "AKIA-1", "AWS_SESSION_TOKEN": "secret", "MALLOC_ARENA_MAX": "2"}
    renderer = Renderer(Children(recipe, environ=environ))
    try:
        renderer.wait_until_started()
        seen = [Path(f"/proc/{pid}/environ").read_bytes() for pid in family(renderer)]
    finally:
        renderer.close()

    assert len(seen) == 2
    for each in seen:
        assert b"AWS" not in each
        assert b"secret" not in each
        assert b"MALLOC_ARENA_MAX=2" in each


def test_a_keeper_has_one_thread_so_that_it_may_fork(make: Make, recipe: Recipe) -> None:
    renderer = Renderer(Children(recipe, environ=os.environ))
    try:
        renderer.wait_until_started()
        keeper, child = family(renderer)
        assert [len(list(Path(f"/proc/{pid}/task").iterdir())) for pid in (keeper, child)] == [1, 1]
    finally:
        renderer.close()


def test_a_keeper_that_was_killed_is_started_again(make: Make, recipe: Recipe) -> None:
    renderers = make()
    renderers.render(picture(), recipe)
    (renderer,) = renderers._renderers
    for pid in reversed(family(renderer)):
        os.kill(pid, 9)

    assert renderers.render(picture(), recipe).variants


@pytest.mark.parametrize("busy", [False, True], ids=["idle", "hanging"])
def test_children_end_with_the_consumer(busy: bool) -> None:
    """Even when it was killed, and one of them is at work: then by its own limits."""
    process = subprocess.run([sys.executable, "-c", ORPHANS, str(busy)], capture_output=True, text=True, check=False)
    pids = [int(pid) for pid in process.stdout.split()]

    assert len(pids) == 2
    deadline = time.monotonic() + 10
    while any(Path(f"/proc/{pid}/environ").exists() and not is_zombie(pid) for pid in pids):
        assert time.monotonic() < deadline, "the children have outlived the consumer"
        time.sleep(0.02)


ORPHANS = """
import os, sys, threading
from pathlib import Path
from processing.sandbox import Children, Image, Renderer
from processing.recipe import load
from tests.sandbox.conftest import family, spelled
from tests.sandbox.test_renderers import render
recipe = load(Path("recipe.toml").read_text())
renderer = Renderer(Children(recipe, environ=os.environ, fork_server="tests.sandbox.hostile"))
renderer.wait_until_started()
print(*family(renderer), flush=True)
if sys.argv[1] == "True":
    threading.Timer(0.5, lambda: os.kill(os.getpid(), 9)).start()
    try:
        render(renderer, spelled("hang"), seconds=1)
    finally:
        os._exit(1)
os._exit(0)
"""


@pytest.mark.parametrize(("spell", "end"), [("loop_without_alarm", signal.SIGXCPU), ("hang", signal.SIGALRM)])
def test_a_child_has_limits_of_its_own_when_nobody_kills_it(recipe: Recipe, spell: str, end: signal.Signals) -> None:
    """As when the consumer has died: the kernel ends it."""
    renderer = Renderer(Children(recipe, environ=os.environ, fork_server=HOSTILE))
    try:
        renderer.wait_until_started()
        line, image = renderer._channel, Image.of(spelled(spell))
        renderer.estimate(image, seconds=30)
        line.send({**second_question(image), "seconds": 0.1, "megabytes": 100.0})

        with pytest.raises(ChannelClosed):
            line.receive()
        renderer.kill()
        assert renderer.wait_until_started() == -end
    finally:
        renderer.close()


@pytest.mark.parametrize("spell", ["hang", "crash"])
def test_without_time_for_a_second_try_nothing_is_decided(make: Make, recipe: Recipe, spell: str) -> None:
    """Once the first was begun, the invocation has ended but for a moment: the clock is read before each of both."""
    budget = TimeBudget(SECONDS, function_timeout=10)
    renderers = make(budget=budget)
    left = [SECONDS, 3 * SECONDS, 3 * SECONDS]  # the last first
    budget.begin(left.pop)

    with pytest.raises(OutOfTime, match="not retried alone") as error:
        renderers.render(spelled(spell), recipe)

    assert isinstance(error.value.__cause__, RenderTimeout | RenderCrash)
    budget.begin(lambda: 3 * SECONDS)
    assert renderers.render(picture(), recipe).variants


def test_a_try_that_does_not_fit_is_not_started(make: Make, recipe: Recipe, tmp_path: Path) -> None:
    budget = TimeBudget(AMPLE)
    renderers = make(budget=budget)
    budget.begin(lambda: AMPLE)

    with pytest.raises(NotStarted):
        renderers.render(spelled(f"crash_once {tmp_path}/seen"), recipe)

    assert not (tmp_path / "seen").exists()


class Instrument:
    """A child that takes its time on a clock of its own, and remembers what it was given."""

    def __init__(self) -> None:
        self.now = 0.0
        self.given: list[float] = []

    def estimate(self, image: Image, *, seconds: float) -> float:
        self.given.append(seconds)
        self.now += 4
        return 10.0

    def render(self, image: Image, *, megabytes: float, seconds: float, only: object) -> Rendered:
        self.given.append(seconds)
        raise NotStarted("enough seen")


def test_the_header_and_the_pixels_share_the_seconds_of_a_try(recipe: Recipe) -> None:
    child = Instrument()
    renderers = Renderers([child], recipe, memory=MemoryBudget(100), budget=TimeBudget(20), clock=lambda: child.now)  # type: ignore[list-item]

    with pytest.raises(NotStarted):
        renderers.render(b"", recipe)

    assert child.given == [20, 16]


def test_without_time_for_a_try_not_even_a_header_is_read(recipe: Recipe) -> None:
    child, budget = Instrument(), TimeBudget(20)
    renderers = Renderers([child], recipe, memory=MemoryBudget(100), budget=budget, clock=lambda: child.now)  # type: ignore[list-item]
    budget.begin(lambda: 40.0)

    with pytest.raises(NotStarted):
        renderers.render(b"", recipe)

    assert child.given == []


def test_time_is_asked_for_again_after_a_wait_for_room(recipe: Recipe) -> None:
    """Another image's try can be as long as one's own."""
    child, budget, room = Instrument(), TimeBudget(20), MemoryBudget(100)
    renderers = Renderers([child], recipe, memory=room, budget=budget, clock=lambda: child.now)  # type: ignore[list-item]
    left = [60.0]
    budget.begin(lambda: left[0])
    ended: list[Exception] = []

    def render() -> None:
        try:
            renderers.render(b"", recipe)
        except NotStarted as error:
            ended.append(error)

    with room.reserve(100):
        thread = threading.Thread(target=render)
        thread.start()
        while not room.waiting:
            thread.join(0.001)
        left[0] = 40.0
    thread.join()

    assert child.given == [20]
    assert str(ended[0]).startswith("40.0 s are left; 16.0 s")


def test_renderers_need_neither_dev_shm_nor_semaphores(make: Make) -> None:
    """As on Lambda: in a mount namespace of its own, where /dev/shm cannot be written."""
    hidden = [
        "unshare",
        "--map-root-user",
        "--mount",
        "sh",
        "-c",
        'mount -t tmpfs -o ro none /dev/shm && exec "$@"',
        "-",
    ]
    if subprocess.run([*hidden, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("this machine lets nobody make a mount namespace")

    process = subprocess.run([*hidden, sys.executable, "-c", WITHOUT_SHM], capture_output=True, text=True, check=False)

    assert (process.stdout, process.returncode) == ("no semaphores\nrendered 3\n", 0), process.stderr


WITHOUT_SHM = """
import multiprocessing, os
from pathlib import Path
try:
    multiprocessing.Lock()
except OSError:
    print("no semaphores", flush=True)
from processing.sandbox import Children, Image, Renderer
from processing.recipe import load
from tests.sandbox.conftest import picture
from tests.sandbox.test_renderers import render
recipe = load(Path("recipe.toml").read_text())
renderer = Renderer(Children(recipe, environ=os.environ))
made = render(renderer, picture(), seconds=10)
print("rendered", len(made.variants))
renderer.close()
"""


def render(renderer: Renderer, data: bytes, *, seconds: float) -> Rendered:
    """Render without asking whether there is room."""
    image = Image.of(data)
    megabytes = renderer.estimate(image, seconds=seconds)
    return renderer.render(image, megabytes=megabytes, seconds=seconds)


def opened(pid: int) -> set[int]:
    """The sockets and memory files that a process holds, by inode."""
    found = [Path(f"/proc/{pid}/fd/{name}") for name in os.listdir(f"/proc/{pid}/fd") if int(name) > 2]
    return {each.stat().st_ino for each in found}


def is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True
