"""Names in figures: lines that fit, and fonts that have their letters."""

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from unicodedata import east_asian_width

CJK_FONTS = (
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "Source Han Sans SC",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "Droid Sans Fallback",
    "PingFang SC",
    "Hiragino Sans",
    "Apple SD Gothic Neo",
    "Arial Unicode MS",
    "Microsoft YaHei",
    "Yu Gothic",
    "Malgun Gothic",
    "SimHei",
)
"""Fonts of Linux, macOS and Windows with Chinese, Japanese and Korean letters."""


def wrapped(name: str, width: int) -> str:
    """The name in lines of about `width` Latin letters, broken after spaces and punctuation where possible.

    Dollar signs are escaped, since Matplotlib takes what two of them enclose for a formula.
    """
    count = max(1, width * len(name) // max(1, letters(name)))
    lines = re.findall(rf".{{1,{count}}}(?:(?<=[\s_./-])|$)|.{{1,{count}}}", name)
    return "\n".join(lines).replace("$", r"\$")


def letters(text: str) -> int:
    """Width of the longest line in Latin letters; Chinese, Japanese and Korean ones count twice."""
    return max((sum(2 if east_asian_width(c) in "WF" else 1 for c in line) for line in text.split("\n")), default=0)


def families() -> list[str]:
    """The default font, then the installed ones to take letters from that it lacks."""
    from matplotlib.font_manager import fontManager

    installed = set(fontManager.get_font_names())
    return ["sans-serif", *(name for name in CJK_FONTS if name in installed)]


@contextmanager
def missing_letters_ignored() -> Iterator[None]:
    """Draw boxes for letters that no font has, without a warning for each."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"Glyph .* missing from", UserWarning)
        yield
