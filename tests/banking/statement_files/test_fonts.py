"""Names in other scripts, as a PDF draws them: in order, joined, and found when copied."""

import io
import tracemalloc
import unicodedata

import pypdf
import pytest
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfgen.canvas import Canvas

from banking.statement_files.formats import fonts
from banking.statement_files.formats.fonts import BOLD, PLAIN
from banking.statement_files.formats.pdf import _Pen

NAME = "محمد بن سلمان"
ALL = [NAME, "Pay (محمد 42) now", "שָׁלוֹם", "नमस्ते हिन्दी", "ภาษาไทย น้ำ", "გამარჯობა", "مُحَمَّد گربه"]


def drawn(text: str, font: str = PLAIN) -> str:
    """From left to right, each form as the letter it is of."""
    return unicodedata.normalize("NFKC", "".join(run.drawn for run in fonts.runs(text, font)))


def test_arabic_is_joined_and_runs_from_the_right() -> None:
    shown = "".join(run.drawn for run in fonts.runs("محمد", PLAIN))
    assert shown == "\ufeaa\ufee4\ufea4\ufee3"  # final, medial, medial, initial
    assert drawn(NAME) == NAME[::-1]
    assert drawn("שלום עולם") == "שלום עולם"[::-1]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Pay (محمد 42) now", "Pay (42 دمحم) now"),
        ("حوالة ١٢٣ (rent)", "(rent) ١٢٣ ةلاوح"),
        ("Zoë Ångström 42", "Zoë Ångström 42"),
    ],
)
def test_figures_brackets_and_latin_words_among_it_keep_their_order(text: str, shown: str) -> None:
    assert drawn(text) == shown


@pytest.mark.parametrize("word", ["لا", "را"])  # one form; two that stand closer
def test_a_word_takes_the_width_of_its_forms(word: str) -> None:
    apart = sum(fonts.width(letter, PLAIN, 10) for letter in word)
    assert 0 < fonts.width(word, PLAIN, 10) < apart
    assert fonts.width(word, PLAIN, 20) == pytest.approx(2 * fonts.width(word, PLAIN, 10))


def test_vowels_of_devanagari_stand_where_they_are_read() -> None:
    (run,) = fonts.runs("हि", PLAIN)
    assert run.drawn[1] == "ह"  # the vowel sign is written before it
    assert run.words == "हि"


def test_forms_without_letters_have_their_words_beside_them() -> None:
    fonts.load()
    buffer = io.BytesIO()
    canvas = Canvas(buffer, invariant=1, pageCompression=0)
    _Pen(canvas).text(50, 700, "क्षत्रिय (ab)")
    canvas.save()
    code = buffer.getvalue().decode("latin-1")
    beside = "feff" + "क्षत्रिय".encode("utf-16-be").hex()
    assert f"/Span <</ActualText <{beside}>>> BDC" in code
    assert code.count("BDC") == code.count("EMC") == 1
    assert "(ab)" in pypdf.PdfReader(buffer).pages[0].extract_text()


def test_no_text_changes_what_the_fonts_have() -> None:
    """Else the bytes of a PDF would depend on those that were made before."""
    fonts.load()
    faces = [pdfmetrics.getFont(name).face for name in fonts.FALLBACKS.values()]
    before = [dict(face.charToGlyph) for face in faces]
    for font in (PLAIN, BOLD):
        for text in ALL:
            assert fonts.width(text, font, 10) > 0
    assert [face.charToGlyph for face in faces] == before


def test_letters_of_nobody_are_question_marks() -> None:
    assert drawn("\ue000\u0378x") == "??x"


def test_no_character_stops_a_file() -> None:
    for start in range(0, 0x30000, 256):
        letters = [chr(code) for code in range(start, start + 256)]
        assert all(list(fonts.runs(letter, PLAIN)) for letter in letters)
        assert list(fonts.runs("\u05d0".join(letters), PLAIN))  # each beside a Hebrew letter


def test_an_unknown_letter_is_a_question_mark_in_its_place() -> None:
    shalom = "\u05e9\u05dc\u05d5\u05dd"
    assert drawn(f"{shalom} \U0001fae8") == f"? {shalom[::-1]}"
    assert drawn("\u0590") == "?"


def test_letters_that_do_not_count_towards_the_limit_of_a_pdf_take_little_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """They are drawn as they are: no other font, no other order and no other form."""
    plain = "".join(letter for letter in map(chr, range(0x30000)) if fonts.is_plain(letter))
    assert {*"aA1~\u00e9\u03b1\u0436"} <= {*plain}
    assert not {*"\u05d0\u0628\u0915\u0e01\u6f22\u3042\ud55c\U00012000"} & {*plain}
    assert fonts.is_plain("a", BOLD)  # now its letters are known
    for name in ("get_display", "shapeStr", "_font_of"):
        monkeypatch.setattr(fonts, name, lambda *_: pytest.fail("takes time"))
    for font in (PLAIN, BOLD):
        assert list(fonts.runs(plain, font)) == [fonts.GlyphRun(font, plain)]


def test_letters_take_little_memory_however_many_different_ones_there_are() -> None:
    fonts.load()
    tracemalloc.start()
    for letter in map(chr, range(0x4E00, 0x4E00 + 50_000)):
        list(fonts.runs(letter, PLAIN))
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 5_000_000
