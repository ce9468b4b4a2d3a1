"""The site has every page, a broken link fails its build, and it fetches nothing from another host."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from ops.build.environments import folder_of
from ops.build.locks import ROOT
from ops.build.site.__main__ import CONFIGURATION, mkdocs
from ops.build.site.links import anchor, in_site, site_path

FETCHED = re.compile(
    r"""<(?:script|img|iframe|source|video|embed)\b[^>]*?\bsrc=["']?([^"'\s>]+)"""
    r"""|<link\b(?=[^>]*\brel=["']?(?:stylesheet|icon|preload|preconnect|dns-prefetch|manifest))[^>]*?\bhref=["']?([^"'\s>]+)"""
    r"""|url\(["']?([^"')]+)|@import\s+["']([^"']+)""",
)
"""What a browser requests by itself for a page or a style sheet."""


@pytest.mark.parametrize(
    ("source", "there"),
    [
        ("README.md", "index.md"),
        ("docs/api.md", "api.md"),
        ("docs/decisions/README.md", "decisions/README.md"),
        ("docs/page.png", "page.png"),
        ("CHANGELOG.md", "project/changelog.md"),
        ("LICENSE", "project/license.md"),
        ("samples/README.md", "project/samples.md"),
        ("processing/worker.py", None),
        ("tests/imaging/golden/README.md", None),
    ],
)
def test_a_file_has_its_place_in_the_site_or_none(source, there):
    assert site_path(source) == there


@pytest.mark.parametrize(
    ("source", "link", "there"),
    [
        ("README.md", "docs/api.md#repeats", "api.md#repeats"),
        ("README.md", "LICENSE", "project/license.md"),
        ("CHANGELOG.md", "docs/security.md", "../security.md"),
        ("docs/upgrading.md", "../CHANGELOG.md", "project/changelog.md"),
        ("docs/decisions/004-publishing.md", "../reliability.md#how-we-know", "../reliability.md#how-we-know"),
        ("docs/api.md", "#a-picture-on-a-page", "#a-picture-on-a-page"),
        ("docs/api.md", "https://example.com/docs/api.md", "https://example.com/docs/api.md"),
        ("docs/api.md", "mailto:you@example.com", "mailto:you@example.com"),
        ("docs/api.md", "../processing/worker.py", "../processing/worker.py"),  # which fails the build
    ],
)
def test_a_link_between_files_becomes_one_between_pages(source, link, there):
    assert in_site(f"See [it]({link}), or ![it]({link}).", source) == f"See [it]({there}), or ![it]({there})."


def test_a_pipe_in_the_code_of_a_table_has_no_backslash_in_the_site():
    text = "| `a \\| b` | \\| |\n\n`c \\| d`\n"

    assert in_site(text, "docs/api.md") == "| `a | b` | \\| |\n\n`c \\| d`\n"


@pytest.mark.parametrize(
    ("heading", "named"),
    [
        ("Ladders: `[ladders.NAME]`", "ladders-laddersname"),
        ("2. The deploying role", "2-the-deploying-role"),
        ("A, b & c", "a-b--c"),
    ],
)
def test_an_anchor_is_named_as_in_the_repository(heading, named):
    assert anchor(heading) == named


def test_whatever_is_broken_fails_the_build():
    told = yaml.safe_load(CONFIGURATION.read_text(encoding="utf-8"))

    assert told["strict"] is True
    assert {level for part in told["validation"].values() for level in part.values()} == {"warn"}
    assert told["theme"]["font"] is False


@pytest.fixture(scope="module")
def python() -> Path:
    folder = folder_of("docs")
    if not folder.is_dir():
        pytest.skip("THE SITE IS NOT BUILT: npm run docs installs what it needs in 30 seconds")
    return folder / "bin" / "python"


@pytest.fixture(scope="module")
def site(python: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("site")
    assert mkdocs(python, "build", "--site-dir", str(out)) == 0
    return out


def test_every_page_is_in_the_site(site):
    pages = [path for path in (ROOT / "docs").rglob("*.md") if path.name != "README.md"]
    expected = {path.relative_to(ROOT / "docs").with_suffix(".html") for path in pages}

    assert expected | {Path("index.html"), Path("decisions/index.html")} <= {
        path.relative_to(site) for path in site.rglob("*.html")
    }


def fetched(site: Path) -> Iterator[str]:
    for path in (*site.rglob("*.html"), *site.rglob("*.css")):
        for found in FETCHED.findall(path.read_text(encoding="utf-8")):
            yield next(filter(None, found))


def test_the_site_fetches_nothing_from_another_host(site):
    found = set(fetched(site))

    assert any(each.endswith(".js") for each in found)
    assert any(each.endswith(".css") for each in found)
    assert sorted(each for each in found if re.match(r"(\w+:)?//", each)) == []


def test_what_a_page_would_fetch_is_found():
    page = '<script async src="https://a.example/a.js"></script><link href="//b.example/b.css" rel="stylesheet">'
    style = "@import 'https://c.example/c.css'; a { background: url(https://d.example/d.png) }"
    found = ["".join(each) for each in FETCHED.findall(page + style)]

    assert found == [
        "https://a.example/a.js",
        "//b.example/b.css",
        "https://c.example/c.css",
        "https://d.example/d.png",
    ]


def test_a_broken_link_fails_the_build(python, tmp_path):
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "index.md").write_text("# A\n\n[gone](#gone)\n")
    settings = yaml.safe_load(CONFIGURATION.read_text(encoding="utf-8"))
    kept = {name: settings[name] for name in ("site_name", "strict", "validation")}
    (tmp_path / "mkdocs.yml").write_text(yaml.safe_dump(kept))

    built = subprocess.run([python, "-m", "mkdocs", "build"], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert built.returncode == 1
    assert "no such anchor" in built.stderr
