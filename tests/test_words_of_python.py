"""The check of all pages for values that Python printed, and its exceptions for English words."""

import pytest

from tests.words_of_python import words_of_python


@pytest.mark.parametrize("part", [
    "<h1>None</h1>", "<td> False </td>", "<p>Paid to None on Monday</p>", "<p>Amounts: [None]</p>",
    '<input value="None">', "<td>None EUR</td>", "<p>Paid\n  None</p>", "<p>Paid&nbsp;None</p>",
    "<dd>[]</dd>", "<p>In all Decimal(&#x27;1&#x27;)</p>",
    "<p>&lt;accounts.models.User object at 0x7f&gt;</p>", "<p>&lt;Account: 1&gt;</p>",
])  # fmt: skip
def test_a_value_that_python_printed_is_found(part: str) -> None:
    assert len(words_of_python(f"<main>{part}</main>")) == 1


@pytest.mark.parametrize("part", [
    "<p>None of these was booked. None is open.</p>", '<img alt="True">', "<pre>x = None</pre>",
    "<p><code>True</code></p>", "<script>const a = [];</script>", "<p>Nonetheless</p>",
])  # fmt: skip
def test_english_and_code_are_none(part: str) -> None:
    assert words_of_python(f"<main>{part}</main>") == []


def test_a_page_may_repeat_what_its_address_has() -> None:
    page = "<p>Nothing found for &lt;a: b</p>"
    assert words_of_python(page) != []
    assert words_of_python(page, "q=%3Ca%3A+b") == []
    assert words_of_python("<td>None</td>", "q=rent") != []
