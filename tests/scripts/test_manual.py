"""The manual: its generated pages name all there is; built, it has no broken link and loads nothing from elsewhere."""

import re
import subprocess
import sys
import threading
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from pathlib import Path

import pytest

from aiwave.commands import COMMANDS
from tests.browser import AVAILABLE, browser

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def module():
    """A script of the manual by its name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "scripts")
        yield import_module


@pytest.fixture(scope="module")
def options(module):
    """All pages of options, joined."""
    made = module("manual_options")
    return "".join(map(made.options_page, made.PAGES))


def test_every_command_is_described_by_its_own_parser(module):
    text = module("manual_commands").commands_page()
    assert re.findall(r"^## aiwave (\w+)", text, flags=re.MULTILINE) == list(COMMANDS)
    for words in (
        "--max-error E",
        "usage: aiwave runs diff",
        "| `qualities` | `null` | list (1 or more): number above 0",
    ):
        assert words in text


def test_every_option_of_every_group_is_on_one_page(module, options):
    folder = ROOT / "conf"
    named = [group for _, groups in module("manual_options").PAGES.values() for group in groups]
    assert sorted(named) == sorted(
        each.name for each in folder.iterdir() if each.is_dir() and any(each.rglob("*.yaml"))
    )
    found = re.findall(r"^### `(\w+)=([\w/]+)`", options, flags=re.MULTILINE)
    files = [path.relative_to(folder).with_suffix("") for path in folder.rglob("*.yaml") if path.parent != folder]
    assert sorted(found) == sorted((path.parts[0], "/".join(path.parts[1:])) for path in files)


@pytest.mark.parametrize(
    "row",
    [
        "| `levels` | *required* | whole number from 1 to 5 |",
        "| `boundary` | `symmetric` | `symmetric`, `published` |",
        "| `scale` | `null` | an object, by `_target_` or `null` |",
        "| `crop` | *required* | list (3): whole number above 0 |",
    ],
)
def test_keys_have_their_values_and_bounds(options, row):
    assert row in options


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        """Print nothing."""


@contextmanager
def served(folder):
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.mark.slow
def test_the_manual_is_whole_and_quiet_in_a_browser(tmp_path):
    pytest.importorskip("mkdocs")
    site = tmp_path / "site"
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", site]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    if not AVAILABLE:
        pytest.skip("no Chromium here")
    pages = sorted(path.relative_to(site) for path in site.rglob("*.html") if path.name != "404.html")
    assert len(pages) > 25
    with served(site) as address, browser(tmp_path / "profile", 9517) as window:
        for page in pages:
            for width in (1280, 400):
                window.size(width, 1000)
                window.open(f"{address}/{page}")
                assert window.problems() == [], page
                assert window.run("return document.documentElement.scrollWidth") <= width, page
                loaded = window.run("return performance.getEntriesByType('resource').map(each => each.name)")
                assert all(each.startswith(address) for each in loaded), page
