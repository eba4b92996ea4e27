"""The embedded fonts of PDF files, and the choice of the font for each letter.

Noto Sans is used for Latin, Greek and Cyrillic. Its digits have equal width. FiraGO is used for
letters that Noto Sans does not have: Arabic, Hebrew, Devanagari, Thai and Georgian. For Chinese,
Japanese and Korean, a font of Adobe is used that PDF readers have, because embedding such a font
would add megabytes. A letter that no font has is replaced by a question mark.

Note [Order and forms of letters]: python-bidi puts the letters of a line into the order in which
they are drawn, from left to right (Unicode Standard Annex 9). We use its older implementation,
because the newer implementation does not mirror brackets. The older implementation raises
AssertionError for isolates and for characters that Python does not know. So letters that no font
has are replaced by question marks first.

HarfBuzz, through ReportLab, shapes the letters of FiraGO: it joins Arabic letters, and reorders and
combines Devanagari letters. Most joined Arabic forms are Unicode characters, so PDF readers find
the original word when the text is copied or searched. The other forms get characters of the private
use area. A run with such characters also contains its original text as `/ActualText`.
"""

import io
import re
import unicodedata
from collections.abc import Iterator
from functools import cache, lru_cache
from itertools import groupby
from typing import NamedTuple

from bidi.algorithm import get_display
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.ttfonts import ShapedStr, TTFont, shapeStr

PLAIN, BOLD = "Noto Sans", "Noto Sans Bold"
FALLBACKS = {PLAIN: "FiraGO", BOLD: "FiraGO Bold"}
EASTERN = {
    "CJK": "STSong-Light", "HIRAGANA": "STSong-Light", "KATAKANA": "STSong-Light",
    "HANGUL": "HYSMyeongJo-Medium",
}  # fmt: skip
UNKNOWN = "?"
MAX_CACHED_LETTERS = 10_000  # letters whose font is cached; all of Unicode would take 500 MB
_FROM_RIGHT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefe]")  # Hebrew to Arabic
# Bidirectional classes that python-bidi cannot handle: unassigned characters and isolates.
_UNRESOLVED = frozenset({"", "LRI", "RLI", "FSI", "PDI"})


class GlyphRun(NamedTuple):
    """A sequence of letters that are drawn with one font, from left to right. `words` is the
    original text if the drawn forms are not Unicode letters, and "" otherwise.
    """

    font: str
    drawn: str  # a ShapedStr if the positions of letters differ from their widths
    words: str = ""

    def width(self, size: float) -> float:
        """Returns the width of the run in points, for a font size in points."""
        if isinstance(self.drawn, ShapedStr):
            thousandths = sum(form.x_advance for form in self.drawn.__shapeData__)
            return float(thousandths * size / 1000)
        return float(pdfmetrics.stringWidth(self.drawn, self.font, size))


@cache
def load() -> None:
    """Loads the fonts at the first call in a process. The first call takes some tenths of a second,
    and later calls do nothing.
    """
    from pymupdf_fonts import FiraGO_Bold, FiraGO_Regular, NotoSans_Bold, NotoSans_Regular

    fonts = {
        PLAIN: NotoSans_Regular, BOLD: NotoSans_Bold,
        "FiraGO": FiraGO_Regular, "FiraGO Bold": FiraGO_Bold,
    }  # fmt: skip
    for name, module in fonts.items():
        pdfmetrics.registerFont(TTFont(name, io.BytesIO(module.fontbuffer)))
    for name in FALLBACKS.values():
        _number_forms(pdfmetrics.getFont(name))
    for name in set(EASTERN.values()):
        pdfmetrics.registerFont(UnicodeCIDFont(name))


def _number_forms(font: TTFont) -> None:
    """Assigns a character of the private use area to each form that has no Unicode character.

    ReportLab would assign these characters in the order of their first use, so each process would
    write different bytes.
    """
    forms = font.hbFont()
    for number in range(forms.face.glyph_count):
        if number not in font.face.glyphToChar:
            advance = forms.get_glyph_h_advance(number)
            font.hbAddPrivate(forms.glyph_to_string(number), number, advance)


def runs(text: str, font: str) -> Iterator[GlyphRun]:
    """Yields the text as runs from left to right. Each run has one font. See Note [Order and forms
    of letters].
    """
    if text and is_plain(text, font):  # most texts are plain
        yield GlyphRun(font, text)
        return
    line = "".join(letter if _font_of(letter, font) else UNKNOWN for letter in text)
    if _FROM_RIGHT.search(line):
        line = get_display(line)
    for name, letters in groupby(line, key=lambda letter: _font_of(letter, font)):
        part = "".join(letters)
        if name == FALLBACKS[font]:
            yield from _shaped(part, name)
        else:
            yield GlyphRun(name, part) if name else GlyphRun(font, UNKNOWN * len(part))


def _shaped(line: str, font: str) -> Iterator[GlyphRun]:
    """Yields the letters of a line as shaped runs. The letters must be in logical order, as
    HarfBuzz expects.
    """
    for is_from_right, letters in groupby(line, key=_is_from_right):
        part = "".join(letters)
        if is_from_right:  # PDF readers reverse such runs, but not their /ActualText
            yield GlyphRun(font, shapeStr(part[::-1], font, 1))
        elif _FROM_RIGHT.search(part):  # HarfBuzz would reverse digits and commas
            yield GlyphRun(font, part)
        else:
            drawn = shapeStr(part, font, 1)
            yield GlyphRun(font, drawn, part if any(map(_is_private, drawn)) else "")


def width(text: str, font: str, size: float) -> float:
    """Returns the width of the text in points, for a font size in points."""
    return sum(run.width(size) for run in runs(text, font))


@lru_cache(MAX_CACHED_LETTERS)
def _is_from_right(letter: str) -> bool:
    marks = unicodedata.bidirectional(letter)
    return marks in {"R", "AL"} or (marks == "NSM" and _FROM_RIGHT.match(letter) is not None)


def is_plain(text: str, font: str = PLAIN) -> bool:
    """Returns whether this font contains all letters of the text, and draws them without changes of
    order or form. Drawing other texts takes up to 30 times as long.
    """
    return _letters(font).issuperset(text)


@cache
def _letters(font: str) -> frozenset[str]:
    """Returns the letters that the font contains, about 2,800."""
    load()
    drawn = map(chr, pdfmetrics.getFont(font).face.charToGlyph)
    return frozenset(letter for letter in drawn if _font_of(letter, font) == font)


def _is_private(letter: str) -> bool:
    return unicodedata.category(letter) == "Co"


@lru_cache(MAX_CACHED_LETTERS)
def _font_of(letter: str, font: str) -> str:
    """Returns the name of the font that draws the letter, or "" if no font contains it."""
    load()
    if _is_private(letter) or unicodedata.bidirectional(letter) in _UNRESOLVED:
        return ""
    for name in (font, FALLBACKS[font]):
        if ord(letter) in pdfmetrics.getFont(name).face.charToGlyph:
            return name
    return EASTERN.get(unicodedata.name(letter, "").split(" ")[0], "")
