"""Checks the layers of a PDF (PDF 1.7, 8.11: optional content). PDF readers can show and hide
layers.

A cleaned document has no layers, so all content becomes visible. Therefore a document is refused if
a part of it may be hidden when the document is opened.
"""

from pypdf.generic import ArrayObject, DictionaryObject

from banking.attachments.pdf.messages import HIDDEN_LAYERS
from banking.attachments.pdf.streams import direct
from banking.attachments.refusals import UnfitFile

_SHOWN_WHILE_OFF = ("/AnyOff", "/AllOff")  # visible while layers are off


def refuse_hidden_layers(catalog: DictionaryObject) -> None:
    """Raises UnfitFile if the document has a layer that is hidden by default."""
    layers = _dictionary(catalog.get("/OCProperties"))
    default = _dictionary(layers.get("/D"))
    is_off = direct(default.get("/BaseState", "/ON")) != "/ON" or _list(default.get("/OFF"))
    if is_off or any(map(_is_hidden_on_screen, _list(layers.get("/OCGs")))):
        raise UnfitFile(HIDDEN_LAYERS)


def refuse_hiding_conditions(value: DictionaryObject) -> None:
    """Raises UnfitFile if the object, or content that it lists under /Properties, has a condition
    that can hide the content while its layer is shown.
    """
    for each in (value.get("/OC"), *_dictionary(value.get("/Properties")).values()):
        condition = _dictionary(each)
        if direct(condition.get("/Type")) == "/OCMD" and (
            "/VE" in condition or direct(condition.get("/P")) in _SHOWN_WHILE_OFF
        ):
            raise UnfitFile(HIDDEN_LAYERS)


def _is_hidden_on_screen(layer: object) -> bool:
    view = _dictionary(_dictionary(_dictionary(layer).get("/Usage")).get("/View"))
    return direct(view.get("/ViewState")) == "/OFF"


def _dictionary(value: object) -> DictionaryObject:
    found = direct(value)
    return found if isinstance(found, DictionaryObject) else DictionaryObject()


def _list(value: object) -> ArrayObject:
    found = direct(value)
    return found if isinstance(found, ArrayObject) else ArrayObject()
