import pytest

from tests.flavours import FLAVOURS, Templates, templates


@pytest.fixture(params=FLAVOURS, scope="session")
def bank(request: pytest.FixtureRequest) -> Templates:
    """Returns the templates of each flavour in turn."""
    return templates(request.param)
