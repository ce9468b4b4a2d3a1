"""What MkDocs runs while it builds the site: https://www.mkdocs.org/user-guide/configuration/#hooks"""

from pathlib import Path
from typing import Final

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from ops.build.site.links import anchor, in_site, site_path

ROOT: Final = Path(__file__).parents[3]
PAGES: Final = ("*.md", "LICENSE", "samples/README.md")
"""Pages that are not in docs/."""

FILES: Final = (Path(__file__).with_name("style.css"), ROOT / "web" / "icon.svg")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Name anchors as the repository's pages do."""
    config.mdx_configs["toc"]["slugify"] = anchor
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what is not in docs/."""
    for there, path in _outside().items():
        text = path.read_text(encoding="utf-8")
        content = text if path.suffix == ".md" else f"# License\n\n```text\n{text}```\n"
        files.append(File.generated(config, there, content=content))
    for path in FILES:
        files.append(File.generated(config, path.name, abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Page, **_others: object) -> str:
    """Rewrite the links of a page, which are those of the repository."""
    there = page.file.src_uri
    outside = _outside().get(there)
    return in_site(markdown, outside.relative_to(ROOT).as_posix() if outside else f"docs/{there}")


def _outside() -> dict[str, Path]:
    """The pages that are not in docs/, by their path in the site."""
    found = [path for pattern in PAGES for path in sorted(ROOT.glob(pattern))]
    return {site_path(path.relative_to(ROOT).as_posix()) or path.name: path for path in found}
