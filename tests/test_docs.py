"""The documents stay short, their links lead somewhere, and a decision names tests that exist."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

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
NO_PROSE = re.compile(r"^```.*?^```|`[^`\n]*`|\]\([^)]*\)|\S+\.(?:md|png|py)\b", re.MULTILINE | re.DOTALL)
SPOKEN = [*PAGES, *(ROOT / "web").rglob("*.*"), *(ROOT / "api").glob("*.*")]


def named(pages: list[Path]) -> list[str]:
    return [page.relative_to(ROOT).as_posix() for page in pages]


def lines(page: Path) -> int:
    return len(page.read_text(encoding="utf-8").splitlines())


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub names them."""
    headings = HEADING.findall(page.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken_links(page: Path) -> Iterator[str]:
    for target, anchor in LINK.findall(page.read_text(encoding="utf-8")):
        there = page.parent / target if target else page
        if not there.exists() or (anchor and anchor not in anchors(there)):
            yield f"{target}#{anchor}"


@pytest.mark.parametrize("page", SPOKEN, ids=named(SPOKEN))
def test_the_page_the_api_and_the_documents_are_spelled_the_american_way(page: Path) -> None:
    """But for names: of fields in backticks, of files, and of cancellation in code."""
    assert BRITISH.findall(NO_PROSE.sub("", page.read_text(encoding="utf-8"))) == []


def test_the_readme_has_at_most_100_lines() -> None:
    assert lines(ROOT / "README.md") <= 100


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


def test_the_layout_of_the_readme_names_every_folder() -> None:
    layout = (ROOT / "README.md").read_text(encoding="utf-8").split("## Layout")[1].split("```")[1]
    folders = {path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith((".", "__"))}

    assert folders - {"node_modules", "out", "dist"} <= set(re.findall(r"(\w+)/", layout))
