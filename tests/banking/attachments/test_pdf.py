"""A PDF keeps no metadata of its pictures, wherever they stand, and still looks the same."""

import io
import zlib
from collections.abc import Callable

import pytest
from PIL import Image
from pypdf import PdfReader, PdfWriter
from pypdf.generic import (
    ArrayObject,
    DictionaryObject,
    NameObject,
    PdfObject,
    StreamObject,
    TextStringObject,
)

from banking.attachments.content import fit
from banking.attachments.pdf import messages
from banking.attachments.refusals import UnfitFile
from tests.banking.attachments.files import SECRET, document, picture, with_data
from tests.banking.attachments.pdf_files import (
    add,
    changed,
    dictionary,
    everything_in,
    inline,
    picture_of,
    resources_of,
    segment,
    stream,
    with_content,
    with_segment,
)

HIDDEN = SECRET.encode()
TEXT = TextStringObject(SECRET)
FORM = {"Type": "/XObject", "Subtype": "/Form"}


def kept_of(content: bytes) -> bytes:
    return fit("receipt.pdf", content).content


def refusal_of(content: bytes) -> str:
    with pytest.raises(UnfitFile) as refused:
        fit("receipt.pdf", content)
    return str(refused.value)


def using(value: PdfObject) -> DictionaryObject:
    """Resources with this picture."""
    return dictionary(XObject=dictionary(I=value))


def glyphs_of(writer: PdfWriter, glyph: StreamObject) -> DictionaryObject:
    """A Type 3 font."""
    return dictionary(
        Type="/Font", Subtype="/Type3", CharProcs=dictionary(a=writer._add_object(glyph))
    )


def in_resources(kind: str, of: Callable[[PdfWriter], PdfObject]) -> bytes:
    return changed(lambda writer: add(writer, kind, of(writer)))


def filtered(of: Callable[[PdfWriter], PdfObject]) -> bytes:
    """A picture with EXIF whose filter is written so."""
    return in_resources("/XObject", lambda writer: picture_of(with_data(), Filter=of(writer)))


def with_facts(**facts: PdfObject | int | str) -> bytes:
    """A picture whose dictionary has more."""
    return in_resources("/XObject", lambda _: picture_of(picture(), **facts))


def with_facts_of_content(**facts: PdfObject) -> bytes:
    """A page whose content stream has more in its dictionary."""

    def change(writer: PdfWriter) -> None:
        content = stream(b"BT /F1 12 Tf (Total 12.00) Tj ET", **facts)
        writer.pages[0][NameObject("/Contents")] = writer._add_object(content)

    return changed(change)


DCT = NameObject("/DCTDecode")
HIDING = {
    "plain": filtered(lambda _: DCT),
    "filter elsewhere": filtered(lambda writer: writer._add_object(DCT)),
    "filters elsewhere": filtered(lambda writer: writer._add_object(ArrayObject([DCT]))),
    "filter of a list elsewhere": filtered(lambda writer: ArrayObject([writer._add_object(DCT)])),
    "filter by its short name": filtered(lambda _: NameObject("/DCT")),
    "mask": in_resources(
        "/XObject",
        lambda writer: picture_of(
            picture(), SMask=writer._add_object(picture_of(with_data()))
        ),
    ),
    "picture of a form": in_resources(
        "/XObject",
        lambda writer: stream(
            b"/I Do", **FORM, Resources=using(writer._add_object(picture_of(with_data())))
        ),
    ),
    "pattern": in_resources(
        "/Pattern",
        lambda writer: stream(
            b"/I Do", PatternType=1, Resources=using(writer._add_object(picture_of(with_data())))
        ),
    ),
    "private data": with_facts(PieceInfo=dictionary(App=TEXT)),
    "measure": with_facts(Measure=dictionary(GPTS=TEXT)),
    "points": with_facts(PtData=TEXT),
    "parent": with_facts(Parent=dictionary(T=TEXT)),
    "another file": with_facts(F=TEXT),
    "file of a form": in_resources("/XObject", lambda _: stream(b"", **FORM, F=TEXT)),
    "properties": changed(
        lambda writer: resources_of(writer).update(
            dictionary(Properties=dictionary(MC0=dictionary(Author=TEXT)))
        )
    ),
    "properties of a picture": with_facts(Properties=TEXT),
    "form": in_resources(
        "/XObject", lambda _: stream(b"", **FORM, MyOwn=TEXT, PieceInfo=dictionary(App=TEXT))
    ),
    "mask of a state": in_resources(
        "/ExtGState", lambda _: dictionary(SMask=dictionary(G=stream(b"", **FORM, MyOwn=TEXT)))
    ),
    "key of a picture": with_facts(MyOwn=TEXT),
    "metadata of a page's content": with_facts_of_content(Metadata=TEXT),
    "private data of a page's content": with_facts_of_content(PieceInfo=dictionary(App=TEXT)),
    "file of a page's content": with_facts_of_content(F=TEXT),
    "text instead of a font": in_resources("/Font", lambda _: TEXT),
    "unknown resource": changed(
        lambda writer: resources_of(writer).update(dictionary(Title=TEXT))
    ),
}  # fmt: skip


@pytest.mark.parametrize("source", HIDING.values(), ids=HIDING.keys())
def test_metadata_goes_wherever_a_document_hides_it(source: bytes) -> None:
    assert HIDDEN in source
    kept = kept_of(source)
    assert HIDDEN not in everything_in(kept)
    assert PdfReader(io.BytesIO(kept)).pages[0].extract_text().strip() == "Total 12.00"


def test_resources_and_glyphs_may_have_any_names() -> None:
    """Also those of keys that go elsewhere, as the glyph A of fonts by matplotlib."""

    def change(writer: PdfWriter) -> None:
        font = glyphs_of(writer, stream(b"1 0 0 0 9 9 d1"))
        font["/CharProcs"][NameObject("/A")] = writer._add_object(stream(b"2 0 0 0 9 9 d1"))  # type: ignore[index]
        add(writer, "/Font", font, "/OC")
        add(writer, "/XObject", stream(b"0 0 9 9 re f", **FORM), "/Metadata")

    resources = PdfReader(io.BytesIO(kept_of(changed(change)))).pages[0]["/Resources"]

    assert set(resources["/Font"]["/OC"]["/CharProcs"]) == {"/a", "/A"}  # type: ignore[index]
    assert resources["/XObject"]["/Metadata"].get_data() == b"0 0 9 9 re f"  # type: ignore[index]


JFIF = b"JFIF\0\1\1\0\0\1\0\1"


@pytest.mark.parametrize(
    "jpeg",
    [
        with_segment(0xE0, b"JFXX\0\x10" + with_data()),
        with_segment(0xE0, b"II\x1a\0\0\0HEAPJPGM" + HIDDEN),
        with_segment(0xE0, JFIF + b"\4\1" + HIDDEN),
        with_segment(0xE1, b"Exif\0\0" + HIDDEN),
        with_segment(0xE2, b"ICC_PROFILE\0" + HIDDEN),
        with_segment(0xEE, b"Adobe\0\x64\0\0\0\0\1" + HIDDEN),
        with_segment(0xEE, HIDDEN),
        with_segment(0xEF, HIDDEN),
        with_segment(0xFE, HIDDEN),
        with_segment(0xC8, HIDDEN),
        with_segment(0xF0, HIDDEN),
        with_segment(0xFD, HIDDEN),
        with_segment(0x10, HIDDEN),
    ],
    ids="JFXX CIFF preview EXIF ICC Adobe APP14 APP15 comment C8 F0 FD 10".split(),
)  # fmt: skip
def test_of_a_jpeg_only_the_segments_that_its_pixels_need_are_kept(jpeg: bytes) -> None:
    kept = kept_of(in_resources("/XObject", lambda _: picture_of(jpeg)))

    drawn = Image.open(io.BytesIO(kept[kept.index(b"\xff\xd8") :]))
    assert HIDDEN not in everything_in(kept)
    assert drawn.tobytes() == Image.open(io.BytesIO(picture())).tobytes()


def test_a_jpeg_keeps_how_its_colours_are_stored() -> None:
    adobe = b"Adobe\0\x64\0\0\0\0\1"
    jpeg = picture()[:2] + segment(0xE0, JFIF + b"\0\0") + segment(0xEE, adobe) + picture()[20:]

    kept = kept_of(in_resources("/XObject", lambda _: picture_of(jpeg)))

    assert jpeg in kept


@pytest.mark.parametrize(
    "source",
    [
        with_content(inline(with_data())),
        with_content(inline(with_data().hex().encode() + b">", b"[/AHx/DCT]")),
        with_content(inline(with_data(), b"/DCTDecode")),
        with_content(inline(with_data(), b"/#44#43T")),
        with_content(inline(with_data(), b"%\n[/DCT]")),
        with_content(b"BI /W 60 /H 40 /CS /RGB /BPC 8", b"/F /DCT ID " + with_data() + b" EI"),
        in_resources("/XObject", lambda _: stream(inline(with_data()), **FORM)),
        in_resources("/Pattern", lambda _: stream(inline(with_data()), PatternType=1)),
        in_resources("/Font", lambda writer: glyphs_of(writer, stream(inline(with_data())))),
        in_resources("/XObject", lambda _: stream(
            zlib.compress(inline(with_data())), **FORM, Filter="/FlateDecode"
        )),
    ],
    ids="plain hex named escaped comment pieces form pattern glyph packed".split(),
)  # fmt: skip
def test_a_jpeg_within_the_content_of_a_page_is_refused_by_a_sentence(source: bytes) -> None:
    assert refusal_of(source) == messages.INLINE_JPEG


@pytest.mark.parametrize(
    "content",
    [
        inline(bytes(60 * 40 * 3), b"[]"),
        inline(zlib.compress(bytes(60 * 40 * 3)), b"/Fl"),
        b"BT /F1 12 Tf (Gearbox: DSG/DCT oil, BI) Tj ET",
    ],
    ids=["pixels", "packed", "text"],
)
def test_other_content_of_a_page_is_kept_as_it_is(content: bytes) -> None:
    kept = PdfReader(io.BytesIO(kept_of(with_content(content))))

    drawn = kept.pages[0]["/Contents"].get_object()
    assert isinstance(drawn, StreamObject)
    assert drawn.get_data() == content


def glyph_that_says_it_is_a_picture(writer: PdfWriter) -> PdfObject:
    return glyphs_of(writer, stream(inline(with_data()), Subtype="/Image"))


def glyphs_that_are_pictures_too(writer: PdfWriter) -> None:
    glyphs = writer._add_object(dictionary(a=stream(inline(with_data()), Subtype="/Image")))
    resources_of(writer)[NameObject("/XObject")] = glyphs
    add(writer, "/Font", dictionary(Type="/Font", Subtype="/Type3", CharProcs=glyphs))


@pytest.mark.parametrize(
    "source",
    [
        in_resources("/Font", glyph_that_says_it_is_a_picture),
        changed(glyphs_that_are_pictures_too),
        in_resources("/XObject", lambda _: stream(with_data(), **FORM, Filter="/DCTDecode")),
        in_resources("/XObject", lambda _: picture_of(with_data(), Filter="/Crypt")),
        filtered(lambda _: ArrayObject([DCT, DCT])),
        filtered(lambda _: ArrayObject([DCT, NameObject("/FlateDecode")])),
    ],
    ids=["glyph", "glyph and picture", "form", "unknown filter", "twice", "packed pixels"],
)
def test_what_readers_may_take_for_different_things_is_refused(source: bytes) -> None:
    assert refusal_of(source) == messages.DAMAGED


def test_a_picture_in_jpeg_2000_is_refused_also_if_its_filter_is_elsewhere() -> None:
    source = filtered(lambda writer: writer._add_object(NameObject("/JPXDecode")))

    assert refusal_of(source) == messages.JPEG_2000


def test_a_document_that_was_cleaned_is_cleaned_to_the_same() -> None:
    once = kept_of(document())

    assert kept_of(once) == once
