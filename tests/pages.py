"""What a person reads of a page."""

import re
from typing import Any


def text_of(response: Any) -> str:
    """The words of a page, without its tags."""
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).replace("\xa0", " ").split())
