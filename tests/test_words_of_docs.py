"""Words that people from other Django projects look for stand in the docs."""

import pytest

from ledger.env import BASE_DIR

WORDS = (
    "AbstractBaseUser", "PermissionsMixin", "create_user", "AUTH_USER_MODEL", "normalised",
    "startapp", "INSTALLED_APPS", "makemigrations", "migrate", "manage.py check", "reindex",
    "search engine", "serializer", "REST framework", "factories", "test database", "mocks",
    "force_login", "numeric(19,4)", "flake8", "requirements.txt", "psycopg2", "python-decouple",
    "manage.py test", "connection pooling", "DATABASE_ROUTERS",
    "rds_tools",
)  # fmt: skip


@pytest.mark.parametrize("word", WORDS)
def test_a_word_of_other_projects_is_found(word: str) -> None:
    pages = [*(BASE_DIR / "docs").glob("*.md"), BASE_DIR / "CONTRIBUTING.md"]
    by_hand = [page for page in pages if page.name != "orm-to-sql.md"]
    assert any(word.lower() in page.read_text().lower() for page in by_hand)
