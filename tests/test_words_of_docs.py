"""The docs contain the words for which developers of other Django projects search, and they are
short enough to be skimmed.
"""

import pytest

from ledger.env import BASE_DIR

WORDS = (
    "AbstractBaseUser", "PermissionsMixin", "create_user", "AUTH_USER_MODEL", "normalised",
    "startapp", "INSTALLED_APPS", "makemigrations", "migrate", "manage.py check", "reindex",
    "search engine", "serializer", "REST framework", "factories", "test database", "mocks",
    "force_login", "numeric(19,4)", "flake8", "requirements.txt", "psycopg2", "python-decouple",
    "manage.py test", "connection pooling", "DATABASE_ROUTERS",
    # Words of a start with Django and PostgreSQL.
    "django.db.backends.postgresql", "DisallowedHost", "RunPython", "data migration", "pip freeze",
    "get_object_or_404", "Http404", "ModelAdmin", "UserAdmin", "TabularInline", "assertContains",
    "unit tests", "LANGUAGE_CODE", "makemessages", "ImageField", "AUTH_PASSWORD_VALIDATORS",
    "password reset", "SECURE_SSL_REDIRECT", "ROOT_URLCONF", "connection.queries",
    "AbstractUser", "context processor", "django.contrib.sites", "locmem", "db_for_read",
    "psycopg[binary]", "psycopg[pool]", "pg_service.conf", "server_side_binding",
    "isolation_level", "POSTGRES_DB", "POSTGRES_USER", "Peer authentication failed", "MIRROR",
    "port already in use", "pgAdmin", "postgresql_psycopg2", "too many clients", "PGSSLMODE",
    "DISABLE_SERVER_SIDE_CURSORS", "API versioning", "pg_upgrade",
    "GitHub Actions", "sync_to_async", "startproject", "django-admin", "/accounts/login/",
    # Words of REST framework with Docker.
    "djangorestframework", "PrimaryKeyRelatedField", "ListCreateAPIView", "ReadOnlyModelViewSet",
    "AllowAny", "IsOwnerOrReadOnly", "authentication_classes", "LimitOffsetPagination",
    "BrowsableAPIRenderer", "drf-yasg", "TokenObtainPairView", "force_authenticate",
    "UserRateThrottle", "DjangoFilterBackend", "CORS_ALLOWED_ORIGINS", "exception_handler",
    "/api-token-auth/",
    "/api/docs/", "docker build .", "docker-compose.yml", "docker compose up -d",
    "docker compose down -v", "sh -c", "service_healthy", "named volume", "ARG DEV", "uWSGI",
    "docker/login-action", "DOCKERHUB_USER", "DOCKERHUB_TOKEN", "pull rate limit",
    # Words of RDS with Django.
    "Easy create", "db.t3.micro", "gp2", "Master password", "psql -h", "rds-ca-2019", "outbound",
    "backup window", "log exports", "environment variables", "Amazon Linux", "reserved instances",
    "generate_db_auth_token", "IAM role", "CloudFront", "Aurora Serverless",
    "Elastic IP", "key pair", "publicly accessible", "t2.micro", "ufw", "supervisor",
    "gunicorn.service", "libpq-dev", "build-essential",
    # Words of AWS's driver.
    "AwsWrapperError", "aurora-pg", "auxiliary_query_timeout_sec", "rollback_on_switch",
    "socket_timeout", "iam_host", "logging.basicConfig", "rds_tools",
)  # fmt: skip


@pytest.mark.parametrize("word", WORDS)
def test_a_word_of_other_projects_is_found(word: str) -> None:
    pages = [*(BASE_DIR / "docs").glob("*.md"), BASE_DIR / "CONTRIBUTING.md"]
    by_hand = [page for page in pages if page.name != "orm-to-sql.md"]
    assert any(word.lower() in page.read_text().lower() for page in by_hand)


def test_the_docs_are_short_enough_to_be_skimmed() -> None:
    """A word contains a letter or a digit. Generated text does not count."""
    generated = {"table-rights.md", "columns.md", "orm-to-sql.md"}
    roots = [BASE_DIR / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")]
    words = 0
    for page in [*roots, *(BASE_DIR / "docs").glob("*.md")]:
        text = page.read_text()
        if page.name == "schema.md":
            text = text.partition("\n| table |")[0]
        if page.name == "performance.md":
            before, _, rest = text.partition("<!-- the run begins -->")
            text = before + rest.partition("<!-- the run ends -->")[2]
        if page.name not in generated:
            words += sum(any(map(str.isalnum, word)) for word in text.split())
    assert words <= 60_000
