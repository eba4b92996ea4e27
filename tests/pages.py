"""What a person reads of a page."""

import re
from typing import Any


def without_token(response: Any) -> str:
    """The page but for the token of its forms: letters by lot, which may spell any short word."""
    return re.sub(r'(name="csrfmiddlewaretoken" value=")[^"]*', r"\1", response.content.decode())


def text_of(response: Any) -> str:
    """The words of a page, without its tags."""
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).replace("\xa0", " ").split())
