"""The fonts of PDF files, embedded, and which font draws which letter.

Noto Sans draws Latin, Greek and Cyrillic, with figures of equal width; FiraGO what Noto Sans lacks:
Arabic, Hebrew, Devanagari, Thai and Georgian. Chinese, Japanese and Korean name a font of Adobe's
that readers of PDF have, because embedding one takes megabytes. Letters of none become a question
mark. Scripts that join letters or run from the right are drawn letter by letter.
"""

import io
import unicodedata
from collections.abc import Iterator
from functools import cache
from itertools import groupby

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.ttfonts import TTFont

PLAIN, BOLD = "Noto Sans", "Noto Sans Bold"
FALLBACKS = {PLAIN: "FiraGO", BOLD: "FiraGO Bold"}
EASTERN = {
    "CJK": "STSong-Light", "HIRAGANA": "STSong-Light", "KATAKANA": "STSong-Light",
    "HANGUL": "HYSMyeongJo-Medium",
}  # fmt: skip
UNKNOWN = "?"


@cache
def load() -> None:
    """Reads the fonts, once in a process: this takes some tenths of a second."""
    from pymupdf_fonts import FiraGO_Bold, FiraGO_Regular, NotoSans_Bold, NotoSans_Regular

    fonts = {
        PLAIN: NotoSans_Regular, BOLD: NotoSans_Bold,
        "FiraGO": FiraGO_Regular, "FiraGO Bold": FiraGO_Bold,
    }  # fmt: skip
    for name, module in fonts.items():
        pdfmetrics.registerFont(TTFont(name, io.BytesIO(module.fontbuffer)))
    for name in set(EASTERN.values()):
        pdfmetrics.registerFont(UnicodeCIDFont(name))


def runs(text: str, font: str) -> Iterator[tuple[str, str]]:
    """The text in parts, each with the font that draws it."""
    for name, letters in groupby(text, key=lambda letter: _font_of(letter, font)):
        part = "".join(letters)
        yield (name, part) if name else (font, UNKNOWN * len(part))


def width(text: str, font: str, size: float) -> float:
    """In points."""
    widths = (pdfmetrics.stringWidth(part, name, size) for name, part in runs(text, font))
    return float(sum(widths))


@cache
def _font_of(letter: str, font: str) -> str:
    """The font that has the letter; "" if none."""
    load()
    for name in (font, FALLBACKS[font]):
        if ord(letter) in pdfmetrics.getFont(name).face.charToGlyph:
            return name
    return EASTERN.get(unicodedata.name(letter, "").split(" ")[0], "")
