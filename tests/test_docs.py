"""The documents stay short, their links and drawings are of what there is, and a decision names tests that exist."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from ops.build.site.links import anchor, site_path

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
RECORDS = sorted((DOCS / "decisions").glob("[0-9]*.md"))
PAGES = [*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *(ROOT / ".github").rglob("*.md"), ROOT / "samples" / "README.md"]

LINK = re.compile(r"\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
ROW = re.compile(r"^\| \[(\d+)\]\((.+?)\) \| (.+?) \| .+ \|$", re.MULTILINE)


BRITISH = re.compile(
    r"\b(colour\w*|behaviour\w*|licences?|grey\w*|neighbour\w*|cancell\w+|labelled|recognis\w+|organis\w+|favour\w*|honour\w*"
    r"|centred?|catalogue\w*|modelled|travell\w+|analys(?:e|ed|es)|artefacts?|judgement|optimis(?:e|ed|ation))\b",
    re.IGNORECASE,
)
NO_PROSE = re.compile(
    r"^```.*?^```|`[^`\n]*`|\]\([^)]*\)|\S+\.(?:md|png|py)\b|CancelledError|\.cancelled\(\)|CANCELL(?:ED|ING)",
    re.MULTILINE | re.DOTALL,
)
CODE = [
    file
    for folder in ("api", "bench", "handlers", "ops", "processing", "resources")
    for file in (ROOT / folder).rglob("*")
    if file.suffix in {".py", ".cjs", ".yml"} and "node_modules" not in file.parts
]
SPOKEN = [*PAGES, *(ROOT / "web").rglob("*.*"), *CODE]


def named(pages: list[Path]) -> list[str]:
    return [page.relative_to(ROOT).as_posix() for page in pages]


def lines(page: Path) -> int:
    return len(page.read_text(encoding="utf-8").splitlines())


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings."""
    return {anchor(heading) for heading in HEADING.findall(page.read_text(encoding="utf-8"))}


def broken_links(page: Path) -> Iterator[str]:
    for target, wanted in LINK.findall(page.read_text(encoding="utf-8")):
        there = page.parent / target if target else page
        if not there.exists() or (wanted and wanted not in anchors(there)):
            yield f"{target}#{wanted}"


@pytest.mark.parametrize("page", SPOKEN, ids=named(SPOKEN))
def test_code_page_and_documents_are_spelled_the_american_way(page: Path) -> None:
    """But for names: of fields in backticks, of files, and of cancellation in code."""
    assert BRITISH.findall(NO_PROSE.sub("", page.read_text(encoding="utf-8"))) == []


def test_the_readme_has_at_most_80_lines() -> None:
    assert lines(ROOT / "README.md") <= 80


@pytest.mark.parametrize("page", PAGES, ids=named(PAGES))
def test_every_link_between_documents_leads_somewhere(page: Path) -> None:
    assert list(broken_links(page)) == []


def test_a_broken_link_and_a_broken_anchor_are_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# Time for a batch\n[a](gone.md) [b](#time-for-a-batch) [c](page.md#gone) [d](https://example.com/x)"
    )

    assert list(broken_links(page)) == ["gone.md#", "page.md#gone"]


@pytest.mark.parametrize("record", RECORDS, ids=named(RECORDS))
def test_a_decision_has_at_most_25_lines_with_its_date_reason_and_tests(record: Path) -> None:
    text = record.read_text(encoding="utf-8")

    assert lines(record) <= 25
    assert re.search(r"^20\d\d-\d\d-\d\d", text, re.MULTILINE)
    assert all(f"**{part}.**" in text for part in ("Decision", "Why", "Tests"))


def test_the_table_of_decisions_has_each_by_its_number_and_title() -> None:
    rows = ROW.findall((DOCS / "decisions" / "README.md").read_text(encoding="utf-8"))
    titles = [record.read_text(encoding="utf-8").splitlines()[0] for record in RECORDS]

    assert [f"# {number}. {title}" for number, _, title in rows] == titles
    assert [file for _, file, _ in rows] == [record.name for record in RECORDS]
    assert [int(number) for number, _, _ in rows] == list(range(1, len(RECORDS) + 1))


def test_every_test_that_a_decision_names_exists() -> None:
    named_tests = {name for record in RECORDS for name in re.findall(r"`(test_\w+)`", record.read_text("utf-8"))}
    tests = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    there = set(re.findall(r"^def (test_\w+)", tests, re.MULTILINE))

    assert sorted(named_tests - there) == []


GENERATED = re.compile(r"<!-- ([\w.]+): begin -->.*?<!-- \1: end -->", re.DOTALL)
WRITTEN = [page for page in PAGES if page.name != "cli.md"]
SITE = ROOT / "ops" / "build" / "site" / "mkdocs.yml"
MAP = "processing/__init__.py"
ROOMS = ("api", "bench", "handlers", "ops", "processing", "resources", "tests", "web")


def written(page: Path) -> str:
    """A page without the parts that a command writes."""
    return GENERATED.sub("", page.read_text(encoding="utf-8"))


def is_there(path: str) -> bool:
    return (ROOT / path).exists() or (ROOT / f"{path}.py").exists()


@pytest.mark.parametrize("page", WRITTEN, ids=named(WRITTEN))
def test_every_file_and_module_that_a_page_names_exists(page: Path) -> None:
    paths = [path for path in re.findall(r"`([\w./-]+)`", written(page)) if path.split("/")[0] in ROOMS]
    modules = [name.replace(".", "/") for name in re.findall(r"python -m ([\w.]+)", written(page))]

    assert [path for path in (*paths, *modules) if not is_there(path)] == []


def folders_in(text: str) -> set[str]:
    return set(re.findall(r"(\w+)/", text))


@pytest.mark.parametrize("where", ["architecture.md", "rooms.svg"])
def test_the_layout_and_its_drawing_name_every_folder(where: str) -> None:
    text = (DOCS / where).read_text(encoding="utf-8")
    layout = text.split("```")[1] if where.endswith(".md") else text.replace("://", "")
    folders = {path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith((".", "__"))}

    assert folders - {"node_modules", "out", "dist", *(["bin"] if "svg" in where else [])} <= folders_in(layout)


def test_the_drawing_of_the_rooms_names_no_folder_that_is_gone() -> None:
    named_there = folders_in(" ".join(re.findall(r"<text[^>]*>(.*?)</text>", (DOCS / "rooms.svg").read_text("utf-8"))))
    there = {path.name for room in ("", "processing", "ops") for path in (ROOT / room).iterdir() if path.is_dir()}

    assert named_there <= there


def test_the_drawing_and_the_table_have_the_steps_of_an_image_in_their_order() -> None:
    (said,) = re.findall(r"^ +worker +the processing of one object: (.+?);", (ROOT / MAP).read_text("utf-8"), re.M)
    drawn = re.findall(r">\d  (\w+)</text>", (DOCS / "one-image.svg").read_text("utf-8"))
    listed = re.findall(r"^    \| (\w+) \| ", (DOCS / "architecture.md").read_text("utf-8"), re.M)

    assert drawn == listed[1:] == said.split(", ")


def test_every_alarm_is_found_by_its_name_in_troubleshooting() -> None:
    templates = [path for path in (ROOT / "resources").rglob("*.yml") if path.parent.name != "worker"]
    sources = "".join(path.read_text("utf-8") for path in templates)
    alarms = re.findall(r"AlarmName: \$\{self:service\}-\$\{sls:stage\}-(\S+)", sources)
    section = (DOCS / "troubleshooting.md").read_text("utf-8").split("## An alarm")[1]
    rows = re.findall(r"^\| (`.+?) \|", section, re.M)

    assert sorted(name.strip("`") for row in rows for name in row.split(", ")) == sorted(alarms)


def navigated(entries: list[object]) -> Iterator[str]:
    """The pages of a navigation, at any depth."""
    for entry in entries:
        if isinstance(entry, str):
            yield entry
        elif isinstance(entry, dict):
            for below in entry.values():
                yield from navigated(below if isinstance(below, list) else [below])


def test_the_navigation_of_the_site_has_every_page_once() -> None:
    pages = [site_path(page.relative_to(ROOT).as_posix()) for page in (ROOT / "README.md", *DOCS.glob("*.md"))]
    found = list(navigated(yaml.safe_load(SITE.read_text(encoding="utf-8"))["nav"]))

    assert sorted(each for each in found if "/" not in each) == sorted(filter(None, pages))
    assert [each for each in found if "/" in each] == [
        "decisions/README.md",
        "project/contributing.md",
        "project/changelog.md",
    ]


def indentation_faults(text: str) -> Iterator[str]:
    """Lines that GitHub takes into a list item, and Python-Markdown does not: it wants four spaces."""
    in_code, blank = False, False
    for line in text.splitlines():
        if not in_code and re.match(r" {1,3}\S", line) and blank:
            yield line
        if line.lstrip().startswith("```"):
            in_code = not in_code
        blank = not line.strip()


def test_what_belongs_to_a_list_item_is_indented_by_four_spaces() -> None:
    assert [(page.name, line) for page in PAGES for line in indentation_faults(page.read_text(encoding="utf-8"))] == []


def test_a_block_that_leaves_its_list_item_is_found() -> None:
    assert list(indentation_faults("1. a\n\n   b\n\n    c\n\n```\n\n  d\n```\n- e\n  f")) == ["   b"]
