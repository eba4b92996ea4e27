"""The attacks send a form like a browser in which the user presses Enter."""

from tests.attacks.forms import PageForm, forms_of


def form_of(fields: str) -> PageForm:
    (found,) = forms_of(f'<form method="post" action="/send/">{fields}</form>', "/send/")
    return found


def test_enter_presses_the_first_button() -> None:
    found = form_of(
        '<button name="step" value="send">Send</button>'
        '<button name="step" value="back">Back</button>'
        '<input type="submit" name="step" value="stop">'
    )
    assert found.values == {"step": "send"}


def test_a_button_that_does_not_submit_sends_nothing() -> None:
    found = form_of(
        '<button type="button" name="step" value="copy">Copy</button>'
        '<button type="reset" name="step" value="reset">Reset</button>'
        '<button type="submit" name="step" value="send">Send</button>'
    )
    assert found.values == {"step": "send"}


def test_fields_are_sent_as_they_are() -> None:
    found = form_of('<input name="amount" value="5"><input type="hidden" name="id" value="1">')
    assert found.values == {"amount": "5", "id": "1"}
