"""Hook of MkDocs: the pages of the reference that are made of the sources, whenever the manual is built.

`aiwave` maps to `src/`, which mkdocstrings cannot know: it gets a link of that name.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from manual_commands import commands_page
from manual_options import PAGES, options_page
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

SOURCES = Path("build/sources/aiwave")


def on_startup(command: Literal["build", "gh-deploy", "serve"], dirty: bool) -> None:
    """Link the sources; see MkDocs."""
    SOURCES.parent.mkdir(parents=True, exist_ok=True)
    if not SOURCES.exists():
        SOURCES.symlink_to(Path("src").resolve())


def on_files(files: Files, config: MkDocsConfig, **_: Any) -> Files:
    """Add the pages; see MkDocs."""
    for name, text in pages():
        files.append(File.generated(config, name, content=text))
    return files


def pages() -> Iterator[tuple[str, str]]:
    """Path within the manual and Markdown of every page."""
    yield "reference/commands.md", commands_page()
    for name in PAGES:
        yield f"reference/options-{name}.md", options_page(name)
