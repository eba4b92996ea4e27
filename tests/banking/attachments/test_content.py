"""Of a file only its pixels, or what its pages draw, are kept; the content tells what it is."""

import io
import tracemalloc

import pytest
from PIL import Image
from pypdf import PdfReader

from banking.attachments import pictures
from banking.attachments.content import (
    EMPTY,
    MAX_UPLOAD_BYTES,
    NO_HEIC,
    OTHER,
    TOO_LARGE,
    FitFile,
    fit,
)
from banking.attachments.models import MAX_BYTES, AttachmentKind
from banking.attachments.pdf import messages
from banking.attachments.pdf.objects import PAGE
from banking.attachments.refusals import UnfitFile
from tests.banking.attachments.files import (
    HEIC,
    HTML,
    SECRET,
    SVG,
    document,
    document_with_picture,
    encrypted,
    hostile_document,
    in_three_scans,
    picture,
    picture_in_grey,
    picture_with_chunks,
    picture_with_segments,
    png_chunk,
    png_of,
    with_data,
    with_large_exif,
    with_scans,
)


def opened(file: FitFile) -> Image.Image:
    return Image.open(io.BytesIO(file.content))


def refusal_of(content: bytes, name: str = "receipt.png") -> str:
    with pytest.raises(UnfitFile) as refused:
        fit(name, content)
    return str(refused.value)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_a_picture_is_kept_without_what_the_camera_added(form: str) -> None:
    source = with_data(form)
    assert SECRET.encode() in source

    kept = fit("IMG_1.png", source)

    image = opened(kept)
    assert kept.kind == AttachmentKind.PICTURE
    assert (image.format, image.size, dict(image.getexif())) == ("JPEG", (60, 40), {})
    assert set(image.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
    assert not [word for word in (SECRET.encode(), b"Exif") if word in kept.content]
    assert image.getpixel((5, 20)) == pytest.approx((0, 0, 128), abs=12)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_a_picture_is_turned_as_its_camera_was_held(form: str) -> None:
    image = opened(fit("a", with_data(form, orientation=6)))

    assert image.size == (40, 60)
    assert image.getpixel((20, 5)) == pytest.approx((0, 0, 128), abs=12)  # the left is on top


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_large_exif_is_not_read(form: str) -> None:
    content = with_large_exif(form, 2_000_000)
    tracemalloc.start()
    try:
        kept = fit("a", content)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert opened(kept).size == (60, 40)
    assert peak < 10 * len(content)  # an object for each value takes thirty times as much


@pytest.mark.parametrize(
    "content",
    [
        picture_with_chunks(png_chunk(b"prVt", b"") * pictures.MAX_READS[pictures.PNG]),
        picture_with_segments(*[b"\xe1"] * pictures.MAX_READS[pictures.JPEG]),
        picture()[:20] + bytes(pictures.MAX_READS[pictures.JPEG]) + picture()[20:],
    ],
    ids=["chunks", "segments", "between segments"],
)
def test_a_picture_of_many_parts_is_refused(content: bytes) -> None:
    assert refusal_of(content) == pictures.DAMAGED


def test_a_picture_of_some_scans_is_kept() -> None:
    assert opened(fit("a", with_scans(pictures.MAX_SCANS - 1))).size == (60, 40)


def test_what_stands_behind_a_picture_is_gone() -> None:
    kept = fit("a.jpg", picture() + HTML + document())

    assert not [word for word in (b"script", b"%PDF") if word in kept.content]


def test_a_document_before_a_picture_is_a_document() -> None:
    kept = fit("a.jpg", document() + picture())

    assert kept.kind == AttachmentKind.DOCUMENT
    assert picture()[:64] not in kept.content


def test_transparent_paper_is_white() -> None:
    made = io.BytesIO()
    Image.new("RGBA", (9, 9), (0, 0, 0, 0)).save(made, "PNG")

    assert opened(fit("a", made.getvalue())).getpixel((4, 4)) == (255, 255, 255)


def test_a_large_picture_is_kept_smaller_and_within_the_limit() -> None:
    noise = io.BytesIO()
    Image.effect_noise((4000, 3000), 80).convert("RGB").save(noise, "JPEG", quality=70)

    kept = fit("a", noise.getvalue())

    width, height = opened(kept).size
    assert len(kept.content) <= MAX_BYTES
    assert width * height <= pictures.KEPT_PIXELS[0]
    assert width / height == pytest.approx(4 / 3, abs=0.01)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", EMPTY),
        (HTML, OTHER),
        (SVG, OTHER),
        (b"GIF89a" + HTML, OTHER),
        (b" " + document(), OTHER),
        (HEIC, NO_HEIC),
        (b"\x89PNG\r\n\x1a\n" + HTML, pictures.DAMAGED),
        (picture()[:-300], pictures.DAMAGED),
        (b"RIFF\x00\x00\x00\x00WEBP" + HTML, pictures.DAMAGED),
        (png_of(50_000, 50_000), pictures.TOO_LARGE),
        (png_of(2**31 - 1, 1), pictures.TOO_LARGE),
        (png_of(100_000, 1), pictures.TOO_LARGE),
        (png_of(1, 100_000), pictures.TOO_LARGE),
        (with_scans(pictures.MAX_SCANS), pictures.DAMAGED),
        (b"%PDF-1.7\n" + HTML, messages.DAMAGED),
        (b"%PDF-1.7\ntrailer<</Root<</Pages<</Kids[]/Count 9>>>>>>", messages.DAMAGED),
        (encrypted(), messages.ENCRYPTED),
        (document(pages=messages.MAX_PAGES + 1), messages.TOO_LONG),
        (picture() + bytes(MAX_UPLOAD_BYTES), TOO_LARGE),
    ],
)  # fmt: skip
def test_what_is_no_receipt_is_refused_by_a_sentence(content: bytes, why: str) -> None:
    assert refusal_of(content) == why


def test_a_picture_that_would_take_much_memory_is_refused_before_it_is_decoded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Image.Image, "load", lambda _image: pytest.fail("it was decoded"))
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", lambda _image: pytest.fail("decoded"))

    assert refusal_of(png_of(5_000, 5_000)) == pictures.TOO_LARGE


def test_only_a_jpeg_in_one_scan_may_be_large(monkeypatch: pytest.MonkeyPatch) -> None:
    assert fit("a.jpg", in_three_scans()).content  # it can be decoded
    monkeypatch.setattr(pictures, "MAX_PIXELS", 60 * 40 - 1)
    assert refusal_of(in_three_scans()) == pictures.TOO_LARGE
    assert refusal_of(picture(progressive=True)) == pictures.TOO_LARGE
    assert fit("a.jpg", picture()).content
    assert fit("a.jpg", picture_in_grey()).content


@pytest.mark.parametrize("marker", [b"\xff\xd0", b"\xff\xd7", b"\xff\x00", b"\xff"])
def test_a_marker_without_a_length_hides_no_scans(
    monkeypatch: pytest.MonkeyPatch, marker: bytes
) -> None:
    """Who takes a length for it goes on in the comment, where a picture in one scan begins."""
    real = picture(progressive=True)
    one_scan = b"\xff\xc0\0\x11\x08\0\x28\0\x3c\3" + bytes(9) + b"\xff\xda\0\x0c\3" + bytes(9)
    head = real[:2] + marker + b"\xff\xdd\0\4\0\0"  # no restart interval
    wrong_place = 4 + int.from_bytes(head[4:6])
    comment = bytes(wrong_place - len(head) - 4) + one_scan
    hidden = head + b"\xff\xfe" + (len(comment) + 2).to_bytes(2) + comment + real[2:]
    assert fit("a.jpg", hidden).content  # it can be decoded
    monkeypatch.setattr(pictures, "MAX_PIXELS", 60 * 40 - 1)
    assert refusal_of(hidden) == pictures.TOO_LARGE


def test_a_large_document_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("banking.attachments.content.MAX_BYTES", 500)

    assert refusal_of(document()) == "The PDF is larger than 0 MB. Choose a smaller file."


def test_a_document_keeps_its_pages_and_nothing_else() -> None:
    source = hostile_document()
    evil = (b"JavaScript", b"evil", b"EmbeddedFile", b"Annot", b"xmpmeta", SECRET.encode(), b"/AA",
            b"Exif", b"/Info", b"Producer")  # fmt: skip
    assert [word for word in evil if word not in source] == []

    kept = fit("invoice.PDF", source)

    assert kept.kind == AttachmentKind.DOCUMENT
    assert [word for word in evil if word in kept.content] == []
    reader = PdfReader(io.BytesIO(kept.content))
    assert set(reader.root_object) == {"/Type", "/Pages"}
    (page,) = reader.pages
    assert set(page) <= PAGE | {"/Parent"}
    assert page.extract_text().strip() == "Total 12.00"
    (drawn,) = page.images
    assert drawn.image is not None
    assert drawn.image.size == (60, 40)


COMMENT = b"\xff\xfe" + (2 + len(SECRET)).to_bytes(2) + SECRET.encode()


def later_in(jpeg: bytes) -> bytes:
    """With a comment before the second of its scans, and a picture behind its end."""
    place = jpeg.index(b"\xff\xda", jpeg.index(b"\xff\xda") + 2)
    place = jpeg.rindex(b"\xff\xc4", 0, place) if b"\xff\xc4" in jpeg[place - 40 : place] else place
    return jpeg[:place] + COMMENT + jpeg[place:] + with_data()


@pytest.mark.parametrize(
    ("jpeg", "filters"),
    [
        (with_data(), ("/DCTDecode",)),
        (with_data(), ("/ASCII85Decode", "/DCTDecode")),
        (with_data(), ("/FlateDecode", "/DCTDecode")),
        (with_data()[:2] + b"\xff\xff" + with_data()[2:], ("/DCTDecode",)),
        (later_in(picture(progressive=True)), ("/DCTDecode",)),
        (later_in(picture(progressive=True)), ("/FlateDecode", "/DCTDecode")),
    ],
    ids=["plain", "in ASCII", "compressed", "fill bytes", "later", "later, compressed"],
)
def test_a_picture_in_a_document_keeps_its_pixels_alone(
    jpeg: bytes, filters: tuple[str, ...]
) -> None:
    assert SECRET.encode() in jpeg
    kept = PdfReader(io.BytesIO(fit("r.pdf", document_with_picture(jpeg, *filters)).content))
    resources = kept.pages[0]["/Resources"]
    stream = resources["/XObject"]["/Im0"].get_object()  # type: ignore[index]
    assert stream["/Filter"] == "/DCTDecode"
    assert stream["/DecodeParms"] in ({}, {"/ColorTransform": 1})
    assert SECRET.encode() not in stream._data
    before, after = Image.open(io.BytesIO(jpeg)), Image.open(io.BytesIO(stream._data))
    assert before.tobytes() == after.tobytes()


@pytest.mark.parametrize(
    ("jpeg", "filters"),
    [
        (with_data()[3:], ("/DCTDecode",)),
        (with_data()[:300], ("/DCTDecode",)),
        (with_data()[:2] + b"\x00" + with_data()[2:], ("/DCTDecode",)),
        (with_data(), ("/DCTDecode", "/FlateDecode")),
        (b"\x00\x00\x00\x0cjP  ", ("/JPXDecode",)),
    ],
)
def test_a_document_whose_picture_cannot_be_looked_into_is_refused(
    jpeg: bytes, filters: tuple[str, ...]
) -> None:
    with pytest.raises(UnfitFile, match="Print it to a new PDF"):
        fit("r.pdf", document_with_picture(jpeg, *filters))


def test_nothing_of_an_earlier_version_of_a_document_is_kept() -> None:
    kept = fit("a.pdf", document().replace(b"%%EOF", b"%%EOF\n% " + SECRET.encode()))

    assert SECRET.encode() not in kept.content


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("Lunch with Mara.jpeg", "Lunch with Mara"),
        ("../../etc/passwd.png", "passwd"),
        ("C:\\fakepath\\a.png", "a"),
        ("bad\u202egpj.exe", "badgpj"),
        ("\udc80.png", ""),
        (".png", "png"),
        ('quote".html.png', 'quote".html'),
        ("x" * 300 + ".png", "x" * 100),
        ("\u9818\u53ce\u66f8.pdf", "\u9818\u53ce\u66f8"),
    ],
)
def test_a_name_is_kept_without_folders_and_ending(name: str, kept: str) -> None:
    assert fit(name, picture()).name == kept
