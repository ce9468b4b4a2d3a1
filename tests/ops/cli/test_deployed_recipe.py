"""Commands reckon with the recipe that a stage was deployed with, out of its package, and not with the checkout's."""

import io
import zipfile
from dataclasses import replace

import pytest

from ops.cli.checkout import ROOT
from ops.cli.recipes import read_recipe, recipe_of, version_of_recipe
from ops.cli.remote import BLOCK, RemoteFile, open_remote
from ops.errors import StackError, UsageError
from tests.ops.cli.embedded import png

RECIPE = """
[variants.poster]
width = 300
height = 300
format = "keep"
watermark = "mark"

[watermarks.mark]
logo = "logos/mark.png"
"""


def package(recipe):
    """A function's package with this recipe, its logo and a megabyte of something else."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as files:
        files.writestr("handlers.py", "")
        files.writestr("library.so", bytes(1 << 20))
        files.writestr("recipe.toml", recipe)
        files.writestr("logos/mark.png", png())
    return archive.getvalue()


@pytest.fixture
def deployed(place):
    """The stage with another recipe in its package."""

    def with_recipe(recipe):
        functions = place.emulator.client("lambda")
        functions.update_function_code(FunctionName=place.stage.consumer, ZipFile=package(recipe))
        return replace(place.stage, recipe_version="f00d00000001")

    return with_recipe


def test_another_recipe_is_read_from_the_package_with_its_logos(deployed):
    recipe = recipe_of(deployed(RECIPE))

    (poster,) = recipe.variants
    assert (poster.name, poster.watermark and poster.watermark.logo) == ("poster", png())


def test_the_checkouts_recipe_is_taken_where_it_is_the_deployed_one(place):
    def no_client(service):
        raise AssertionError(f"{service} was requested")

    same = replace(place.stage, recipe_version=version_of_recipe(ROOT), client=no_client)

    assert recipe_of(same) == read_recipe()


def test_a_recipe_that_this_version_cannot_read_is_named_with_the_stage_and_the_fault(deployed):
    stage = deployed(RECIPE.replace("width = 300", "width = 300\nsparkle = true"))

    with pytest.raises(UsageError, match=rf"the recipe that {stage.name} was deployed with: .*sparkle") as raised:
        recipe_of(stage)

    assert "/tmp" not in str(raised.value)


def test_the_version_of_a_recipe_is_that_of_its_text_and_its_logos(tmp_path):
    versions = []
    for name in ("recipe.toml", "logos/mark.png", "logos/b/mark.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
        versions.append(version_of_recipe(tmp_path))
    for name in ("other.png", "logos/__pycache__/mark.pyc"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")

    assert len(set(versions)) == 3
    assert version_of_recipe(tmp_path) == versions[-1]


def test_the_stack_and_the_command_compute_one_version_of_a_recipe(stack):
    assert stack.outputs["RecipeVersion"] == version_of_recipe(ROOT)


def test_a_recipe_costs_a_few_kilobytes_of_a_package_of_a_megabyte(deployed, monkeypatch):
    read, part = [], RemoteFile._part

    def counted(file, start, length):
        read.append(length)
        return part(file, start, length)

    monkeypatch.setattr(RemoteFile, "_part", counted)

    recipe_of(deployed(RECIPE))

    assert sum(read) < 4 * BLOCK


def test_a_package_that_is_not_there_any_more_is_a_sentence(place):
    answer = place.emulator.client("lambda").get_function(FunctionName=place.stage.consumer)
    location = answer["Code"]["Location"].replace("/function-code/", "/function-code/00")

    with pytest.raises(StackError, match=r"127\.0\.0\.1:\d+ cannot be read: .*404"):
        open_remote(location, 100).read(1)


def test_a_read_beyond_the_end_requests_nothing():
    file = open_remote("http://127.0.0.1:9/nobody", 3)
    file.seek(0, io.SEEK_END)

    assert (file.tell(), file.read()) == (3, b"")
