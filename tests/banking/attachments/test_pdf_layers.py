"""A PDF loses its layers: their names go, and what they hide must not become visible."""

import io
from collections.abc import Callable

import pytest
from pypdf import PdfReader, PdfWriter
from pypdf.generic import (
    ArrayObject,
    DictionaryObject,
    NameObject,
    NumberObject,
    PdfObject,
    TextStringObject,
)

from banking.attachments.content import fit
from banking.attachments.pdf import messages
from banking.attachments.refusals import UnfitFile
from tests.banking.attachments.files import SECRET
from tests.banking.attachments.pdf_files import (
    add,
    changed,
    dictionary,
    everything_in,
    resources_of,
    stream,
)

Facts = Callable[[PdfObject], DictionaryObject]


def all_on(layer: PdfObject) -> DictionaryObject:
    facts = dictionary(Event="/View", Category=ArrayObject([NameObject("/View")]))
    facts[NameObject("/OCGs")] = ArrayObject([layer])
    return dictionary(BaseState="/ON", OFF=ArrayObject(), AS=ArrayObject([facts]))


def with_layer(
    default: Facts = all_on,
    view: str = "/ON",
    of_form: Facts | None = None,
    of_content: Facts | None = None,
) -> bytes:
    """A document with a layer of a form and of a piece of the page's content. `default`: how the
    layer is when the document is opened; `of_form`, `of_content`: when these are drawn, if not with
    the layer itself.
    """

    def change(writer: PdfWriter) -> None:
        about = dictionary(Creator=TextStringObject(SECRET), Subtype="/Artwork")
        usage = dictionary(CreatorInfo=about, View=dictionary(ViewState=view))
        layer = writer._add_object(
            dictionary(Type="/OCG", Name=TextStringObject(SECRET), Usage=usage)
        )
        form = stream(
            b"BT /F1 12 Tf 10 10 Td (Stamp) Tj ET", Type="/XObject", Subtype="/Form",
            BBox=ArrayObject(map(NumberObject, (0, 0, 200, 200))),
            Resources=dictionary(Font=resources_of(writer)["/Font"]),
            OC=of_form(layer) if of_form else layer,
        )  # fmt: skip
        add(writer, "/XObject", form, "/X")
        piece = of_content(layer) if of_content else layer
        resources_of(writer)[NameObject("/Properties")] = dictionary(MC0=piece)
        content = b"/OC /MC0 BDC BT /F1 12 Tf 10 50 Td (Tea 3.00) Tj ET EMC q /X Do Q"
        writer.pages[0][NameObject("/Contents")] = writer._add_object(stream(content))
        writer.root_object[NameObject("/OCProperties")] = dictionary(
            OCGs=ArrayObject([layer]), D=default(layer)
        )

    return changed(change)


def membership(**facts: PdfObject | int | str) -> Facts:
    return lambda layer: dictionary(Type="/OCMD", OCGs=ArrayObject([layer]), **facts)


def not_in(layer: PdfObject) -> DictionaryObject:
    return membership(VE=ArrayObject([NameObject("/Not"), layer]))(layer)


@pytest.mark.parametrize(
    "source",
    [
        with_layer(),
        with_layer(lambda _: dictionary()),
        with_layer(of_form=membership(), of_content=membership(P="/AllOn")),
    ],
    ids=["on", "no settings", "memberships"],
)
def test_a_layer_leaves_what_it_draws_and_nothing_else(source: bytes) -> None:
    assert SECRET.encode() in source

    kept = fit("menu.pdf", source).content

    everything = everything_in(kept)
    words = (SECRET.encode(), b"OCProperties", b"/OCG", b"/OCMD", b"CreatorInfo", b"/Properties")
    assert [word for word in words if word in everything] == []
    text = PdfReader(io.BytesIO(kept)).pages[0].extract_text()
    assert ("Tea 3.00" in text, b"(Stamp)" in everything) == (True, True)


@pytest.mark.parametrize(
    "source",
    [
        with_layer(lambda layer: dictionary(OFF=ArrayObject([layer]))),
        with_layer(lambda _: dictionary(BaseState="/OFF")),
        with_layer(view="/OFF"),
        with_layer(of_form=membership(P="/AllOff")),
        with_layer(of_form=membership(P="/AnyOff")),
        with_layer(of_form=not_in),
        with_layer(of_content=membership(P="/AllOff")),
        with_layer(of_content=not_in),
    ],
    ids=[
        "off", "all off", "off on screens", "form while all are off", "form while any is off",
        "form by an expression", "content while all are off", "content by an expression",
    ],
)  # fmt: skip
def test_a_document_that_hides_something_is_refused_by_a_sentence(source: bytes) -> None:
    with pytest.raises(UnfitFile) as refused:
        fit("menu.pdf", source)

    assert str(refused.value) == messages.HIDDEN_LAYERS
