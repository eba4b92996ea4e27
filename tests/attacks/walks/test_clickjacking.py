"""No other site can show a page of this site in a frame."""

import pytest

from tests.attacks.walks.site import Visits

pytestmark = pytest.mark.django_db


def test_no_page_can_be_framed(all_answers: Visits) -> None:
    framed = [
        (kind, url)
        for kind, url, answer in all_answers.pages()
        if "frame-ancestors 'none'" not in answer.headers.get("Content-Security-Policy", "")
        or answer.headers.get("X-Frame-Options") != "DENY"
    ]

    assert framed == []
