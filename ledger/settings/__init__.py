"""All settings of the site. `env` reads the environment variables that `.env.example` lists.
`ledger.settings.sign_in` contains the settings for signing in, which do not depend on the
environment.
"""

from datetime import timedelta

import environ
from django.http.request import split_domain_port

from ledger import env, web_server_settings
from ledger.env import BASE_DIR
from ledger.settings import attachments, cache, databases, log, pool, provider, readers, tracing
from ledger.settings.api import *  # noqa: F403  settings that do not depend on the environment
from ledger.settings.sign_in import *  # noqa: F403  settings that do not depend on the environment

DEBUG = env.flag("DEBUG")
LEDGER_DATA_DIR = env.data_dir("LEDGER_DATA_DIR", BASE_DIR / ".data")
SECRET_KEY = env.secret_key("SECRET_KEY", LEDGER_DATA_DIR)
LEDGER_SECRET_KEY_IS_STORED = not env.text("SECRET_KEY")  # the key is in a file in LEDGER_DATA_DIR
ALLOWED_HOSTS = env.hosts("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
SECRET_KEY_FALLBACKS = env.old_secret_keys("SECRET_KEY_FALLBACKS")
LEDGER_URL = env.address("LEDGER_URL")  # if not set, links in emails use the Host header
if LEDGER_URL:
    ALLOWED_HOSTS.append(split_domain_port(LEDGER_URL.partition("://")[2])[0])
CSRF_TRUSTED_ORIGINS = env.origins("CSRF_TRUSTED_ORIGINS")

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django_htmx",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "pgtrigger",
    "drf_spectacular_sidecar",
    "ledger",
    "django.contrib.auth",  # after ledger, which replaces commands of this app and of the next app
    "django.contrib.staticfiles",
    "ledger.db",
    "accounts",
    "transactions",
    "transactions.annotations",
    "transactions.categories",
    "transactions.payees",
    "transactions.synonyms",
    "banking.alerts",
    "banking.attachments",
    "banking.berka",
    "banking.events",
    "banking.outside",
    "banking.payment_files",
    "banking.reconciliation",
    "banking.standing_orders",
    "banking.statement_files",
    "explorer",
    "cookbook",
    "api",
]
# The path of a request from the web server to its view. The docstrings of Ledger's classes describe
# which place each class needs. The methods `process_view` run later, in the same order, just before
# the view. CsrfViewMiddleware and LoginRequiredMiddleware check requests there.
MIDDLEWARE = [
    # All responses pass through these classes, including static files and refusals.
    "ledger.web.middleware.ObservationMiddleware",
    "ledger.web.headers.HeadersMiddleware",
    "ledger.web.middleware.ResponseFormMiddleware",
    # These classes answer probes and static files, or refuse a request before its session is read.
    "ledger.monitoring.early.EarlyMiddleware",
    "ledger.web.middleware.RequestCheckMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "ledger.web.waiting.WaitingMiddleware",
    # These classes decide how the database is read and who sends the request.
    "transactions.row_security.middleware.RowSecurityMiddleware",
    "accounts.middleware.ReplicaMiddleware",
    "accounts.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "accounts.late_bodies.BodyMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "accounts.token_middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    # These classes limit, record and prepare the work of the view. They need the user in their
    # `process_view`, which Django calls after every `__call__`. The first use of `request.user`
    # loads the user. A failure outside the view goes to `handler500`.
    "accounts.middleware.LimitsMiddleware",
    "accounts.read_log.ReadLogMiddleware",
    "accounts.middleware.FailureMiddleware",
    "ledger.web.downloads.DownloadLimitMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "accounts.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "accounts.middleware.RequiredSetupMiddleware",
]
# Whether OpenTelemetry traces requests and jobs (docs/tracing.md).
LEDGER_TRACING = tracing.is_on()
if LEDGER_TRACING:
    MIDDLEWARE = tracing.with_spans(MIDDLEWARE)
ROOT_URLCONF = "ledger.urls"
TEST_RUNNER = "ledger.management.pytest_runner.PytestRunner"
WSGI_APPLICATION = "ledger.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "ledger.web.site_context.site",
                "transactions.demo.context.demo",
            ],
        },
    },
]

# The database in DATABASE_URL, or in DB_NAME, DB_USER and so on. If these are not set, the embedded
# server is used.
_database = databases.database()
LEDGER_EMBEDDED = not _database
if LEDGER_EMBEDDED:
    INSTALLED_APPS.append("ledger.embedded")  # its commands
# The kind of process. The owner of the tables has all rights, and the other kinds have fewer rights
# (docs/rights.md). On the embedded server, this setting also selects the role that connects. On
# other servers, DATABASE_URL or DB_USER selects the role. wsgi.py, asgi.py and
# server/web_process.py set web, and `manage.py work` sets worker. Other commands set owner.
LEDGER_ROLE = env.choice("LEDGER_ROLE", "owner", ["owner", "web", "worker"])
# With these settings of earlier versions, `migrate` would grant the bank's rights to other roles.
env.refuse_first(
    (f"LEDGER_{role}_ROLE" for role in ("WEB", "WORKER", "AUDITOR", "COOKBOOK", "EXPLORER")),
    "LEDGER_ROLE_PREFIX replaces it; with the prefix riverside, the web role is riverside_web",
)
# The names of the bank's database roles begin with this prefix. Banks on one server need different
# prefixes.
_PREFIX = env.text("LEDGER_ROLE_PREFIX", "ledger")
LEDGER_WEB_ROLE = f"{_PREFIX}_web"
# The database role for `manage.py work` and its jobs. It owns nothing (docs/rights.md).
LEDGER_WORKER_ROLE = f"{_PREFIX}_worker"
# The database role for the cookbook's recipes. It has rights only to the practice bank, and cannot
# sign in.
LEDGER_COOKBOOK_ROLE = f"{_PREFIX}_cookbook"
# The database role for `audit_ledger`. It reads the bank's data and stores the findings of audits
# (docs/rights.md).
LEDGER_AUDITOR_ROLE = f"{_PREFIX}_auditor"
# The database role with which queries of the explorer sign in, and its password on your own server.
# The role may read only the explorer's views (docs/explorer.md).
LEDGER_EXPLORER_ROLE = f"{_PREFIX}_explorer"
LEDGER_EXPLORER_PASSWORD = env.text("LEDGER_EXPLORER_PASSWORD")
# Whether row-level security shows the web role only the rows of the signed-in person. `migrate` and
# `prepare` install or remove the policies.
LEDGER_ROW_SECURITY = env.flag("LEDGER_ROW_SECURITY")
LEDGER_TIMEOUTS = {
    "lock_timeout": env.number("LEDGER_LOCK_TIMEOUT", 2, least=0, most=600),
    "statement_timeout": env.number("LEDGER_STATEMENT_TIMEOUT", 30, least=0, most=3600),
    "idle_in_transaction_session_timeout": 60,
    "transaction_timeout": 900,
}
# Time limit in seconds for one SQL statement in a job of `manage.py work`, such as a part of an
# audit. 0 means no limit.
LEDGER_JOB_STATEMENT_TIMEOUT = env.number("LEDGER_JOB_STATEMENT_TIMEOUT", 3600, least=0, most=86400)
DATABASES = {
    "default": {
        "ENGINE": "ledger.embedded",
        "NAME": "ledger",
        "CONN_MAX_AGE": env.number("CONN_MAX_AGE", 60, least=0, most=86400),
        "CONN_HEALTH_CHECKS": True,
        **_database,
        "LEDGER_EMBEDDED": LEDGER_EMBEDDED,
        "LEDGER_ROLE": LEDGER_ROLE,
        "LEDGER_TIMEOUTS": LEDGER_TIMEOUTS if LEDGER_ROLE == "web" else {},
        "LEDGER_MIGRATION_LOCK_TIMEOUT": LEDGER_TIMEOUTS["lock_timeout"],
        "OPTIONS": {
            "application_name": "ledger",
            "connect_timeout": env.number("LEDGER_CONNECT_TIMEOUT", 5, least=1, most=600),
            "prepare_threshold": 5 if env.flag("LEDGER_PREPARE", default=True) else None,
            **_database.get("OPTIONS", {}),
        },
    }
}
DATABASES["default"] = pool.checked(
    DATABASES["default"], given=_database, is_web=LEDGER_ROLE == "web"
)
# Standbys from which web processes read (ledger/db/replicas/). DATABASE_REPLICA_CHOICE is how one
# of several standbys is chosen. A standby that is more than DATABASE_REPLICA_MAX_LAG seconds behind
# is not used.
_replicas = databases.replicas(DATABASES["default"])
# Whether one of the replicas is the standby of the embedded server. This standby may not exist.
LEDGER_OWN_REPLICA = any(_replica["LEDGER_EMBEDDED"] for _replica in _replicas.values())
for _replica in _replicas.values():
    pool.check_replica(_replica)
if LEDGER_ROLE == "web":
    DATABASES |= _replicas
# The database for using("read"), and the router with which Django's ORM reads from this database by
# default (ledger/db/read_router.py).
DATABASES |= readers.reader(DATABASES["default"], _replicas)
DATABASE_ROUTERS = readers.routers(DATABASES)
DATABASE_REPLICA_CHOICE = env.choice(
    "DATABASE_REPLICA_CHOICE", "random", ["random", "round_robin", "least_connections"]
)
DATABASE_REPLICA_MAX_LAG = env.number("DATABASE_REPLICA_MAX_LAG", 60, least=1, most=86400)
# These formats keep the microseconds of times. Without them, the seals of a loaded bank would not
# match its rows.
SERIALIZATION_MODULES = {
    "json": "ledger.backups.exact_json",
    "jsonl": "ledger.backups.exact_jsonl",
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# All processes use the same cache, because limits for signing in are counted over all processes.
CACHES = cache.caches()

# The server ends a session after a time without requests, and also after a time since the sign-in
# (docs/security.md). Sessions of the demo last longer, because the demo contains no real money.
# `make run` sets LEDGER_DEMO. The sign-in page then also shows the users of the demo data.
LEDGER_DEMO = env.flag("LEDGER_DEMO")
# The weaker limits of the demo also require the embedded server, because `make run` can also serve
# a real bank.
_IS_RELAXED = LEDGER_DEMO and LEDGER_EMBEDDED
_IDLE, _STAFF_IDLE = (720, 720) if _IS_RELAXED else (30, 15)  # minutes
# How many days data is kept. `manage.py erase_people` erases names and addresses of people who have
# left. `apply_retention` deletes the read log, queries and sign-ins.
LEDGER_KEEP_PEOPLE_DAYS = env.number("LEDGER_KEEP_PEOPLE_DAYS", 3650, least=0, most=36500)
LEDGER_KEEP_READ_LOG_DAYS = env.number("LEDGER_KEEP_READ_LOG_DAYS", 1095, least=1, most=36500)
LEDGER_KEEP_QUERIES_DAYS = env.number("LEDGER_KEEP_QUERIES_DAYS", 365, least=1, most=36500)
LEDGER_KEEP_SIGN_INS_DAYS = env.number("LEDGER_KEEP_SIGN_INS_DAYS", 180, least=1, most=36500)
# Number of days after which the operator deletes lines of the log. The page "Privacy" shows this
# number. 0 means that lines are deleted when newer lines need the space.
LEDGER_KEEP_LOGS_DAYS = env.number("LEDGER_KEEP_LOGS_DAYS", 0, least=0, most=36500)
# Number of days after which `manage.py apply_retention` deletes events, webhook deliveries and
# alerts.
LEDGER_KEEP_EVENTS_DAYS = env.number("LEDGER_KEEP_EVENTS_DAYS", 30, least=4, most=3650)
LEDGER_KEEP_ALERTS_DAYS = env.number("LEDGER_KEEP_ALERTS_DAYS", 400, least=30, most=3650)
LEDGER_SESSION_IDLE = timedelta(
    minutes=env.number("LEDGER_SESSION_IDLE", _IDLE, least=1, most=1440)
)
LEDGER_SESSION_ABSOLUTE = timedelta(
    hours=env.number("LEDGER_SESSION_ABSOLUTE", 12, least=1, most=24)
)
LEDGER_STAFF_SESSION_IDLE = timedelta(
    minutes=env.number("LEDGER_STAFF_SESSION_IDLE", _STAFF_IDLE, least=1, most=1440)
)
LEDGER_STAFF_SESSION_ABSOLUTE = timedelta(
    hours=env.number("LEDGER_STAFF_SESSION_ABSOLUTE", 12 if _IS_RELAXED else 8, least=1, most=24)
)
SESSION_ENGINE = "accounts.sign_in.session_store"
MESSAGE_STORAGE = "ledger.web.message_cookie.MessageStorage"
CSRF_COOKIE_HTTPONLY = True  # our scripts do not read it
SESSION_COOKIE_AGE = int(LEDGER_SESSION_ABSOLUTE.total_seconds())
# A database in MaxMind's format, which contains the town and country of IP addresses. If it is not
# set, pages and emails do not show where a sign-in came from.
LEDGER_PLACES = env.file("LEDGER_PLACES")

# accounts.sign_in.limits counts wrong passwords and codes, in the same way on every page. If
# attempts of other people reach the limit, the user can still sign in with an emailed code or a
# passkey.
LEDGER_WRONG_ATTEMPTS = env.number("LEDGER_WRONG_ATTEMPTS", 1000, least=10, most=1_000_000)

# Step-up (docs/security.md): for how many minutes a password, code or passkey is treated as recent,
# and above which amount a payment needs a recent one. The amounts are per currency. "*" is for all
# other currencies.
LEDGER_STEP_UP_MINUTES = 5
LEDGER_STEP_UP_OVER = env.amounts_by_currency(
    "LEDGER_STEP_UP_OVER",
    "1000,BHD=400,CLP=1000000,COP=4000000,CZK=25000,HUF=400000,IDR=16000000,INR=90000,JPY=150000,"
    "KRW=1500000,KWD=300,NGN=1500000,OMR=400,PHP=60000,THB=35000,TWD=32000,VND=26000000",
)

LEDGER_HTTPS = env.flag("LEDGER_HTTPS")
if LEDGER_HTTPS and not LEDGER_URL.startswith("https://"):
    env.refuse(
        "LEDGER_URL",
        "with HTTPS, links in mails need it, such as https://bank.example",
        is_missing=not LEDGER_URL,
    )
if LEDGER_ROLE == "web" and not (LEDGER_URL or LEDGER_EMBEDDED or DEBUG):
    env.refuse("LEDGER_URL", env.ADDRESS_NEEDED, is_missing=True)
if LEDGER_URL.startswith("https://") and not LEDGER_HTTPS:
    env.refuse("LEDGER_HTTPS", env.HTTPS_NEEDED)
if LEDGER_DEMO and any(env.is_public(host) for host in ALLOWED_HOSTS if host != "*"):
    env.refuse("LEDGER_DEMO", env.NO_PUBLIC_DEMO)
if LEDGER_HTTPS and not env.text("EMAIL_URL"):
    env.refuse("EMAIL_URL", env.MAIL_NEEDED, is_missing=True)
if DEBUG and not LEDGER_EMBEDDED and any(map(env.is_public, ALLOWED_HOSTS)):
    env.refuse("DEBUG", env.NO_PUBLIC_DEBUG)
if LEDGER_HTTPS and DEBUG:
    env.refuse("DEBUG", "its error pages show code and settings, so it cannot be on with HTTPS")
if LEDGER_URL.startswith("http://") and env.is_public(LEDGER_URL):
    env.refuse("LEDGER_URL", env.NO_PUBLIC_HTTP)
if "*" in ALLOWED_HOSTS and not DEBUG:
    env.refuse("ALLOWED_HOSTS", "* accepts all Host headers; name the hosts")
SECURE_SSL_REDIRECT = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LEDGER_HTTPS
if LEDGER_HTTPS:  # a browser accepts a __Host- cookie only from this host and only over HTTPS
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-sessionid", "__Host-csrftoken"
_HSTS_SECONDS = env.number("LEDGER_HSTS_SECONDS", 31_536_000, least=0, most=63_072_000)
SECURE_HSTS_SECONDS = _HSTS_SECONDS if LEDGER_HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = env.flag("LEDGER_HSTS_SUBDOMAINS")
# Whether the proxy writes X-Request-ID, so that the proxy's log and Ledger's log contain the same
# ids.
LEDGER_PROXY_REQUEST_ID = env.flag("LEDGER_PROXY_REQUEST_ID")
_PROXIES = env.number("LEDGER_PROXY_COUNT", 1, least=1, most=5)
ALLAUTH_TRUSTED_PROXY_COUNT = 0
LEDGER_BEHIND_PROXY = env.flag("LEDGER_BEHIND_PROXY")
if LEDGER_BEHIND_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    # The first of our proxies writes the address of the client into X-Forwarded-For.
    ALLAUTH_TRUSTED_PROXY_COUNT = _PROXIES
elif LEDGER_PROXY_REQUEST_ID:
    env.refuse("LEDGER_PROXY_REQUEST_ID", env.NO_PROXY_FOR_IDS)

if not env.text("EMAIL_URL"):
    env.refuse_first(
        ("EMAIL_HOST", "EMAIL_HOST_USER", "EMAIL_HOST_PASSWORD"),
        "Ledger does not read it; write EMAIL_URL=smtp+tls://USER:PASSWORD@HOST:587",
    )
# If EMAIL_URL is not set, emails are printed to the console.
_mail = env.url(
    "EMAIL_URL", environ.Env.email_url_config, ["smtp", "smtp+tls", "smtp+ssl", "consolemail"]
) or {"EMAIL_BACKEND": "django.core.mail.backends.console.EmailBackend"}
if _mail["EMAIL_BACKEND"] == "django.core.mail.backends.smtp.EmailBackend":
    # For a mail server that is slow or does not answer.
    _mail["EMAIL_BACKEND"] = "ledger.web.mail.MailBackend"
vars().update(_mail)
EMAIL_TIMEOUT = 5  # seconds, to connect and for each answer
DEFAULT_FROM_EMAIL = env.text("DEFAULT_FROM_EMAIL", "Ledger <ledger@localhost>")

LANGUAGE_CODE = "en"  # Ledger's pages are only in English
FORMAT_MODULE_PATH = "ledger.text.input_formats"
TIME_ZONE = env.time_zone("TIME_ZONE", "UTC")
USE_TZ = True

# Webhooks (docs/events.md): how many seconds to wait for a receiver's answer, to how many receivers
# each `manage.py work` sends at the same time, and whether private networks and plain HTTP are
# allowed. Allow them only for tests on your own computer.
LEDGER_WEBHOOK_TIMEOUT = env.number("LEDGER_WEBHOOK_TIMEOUT", 10, least=1, most=60)
LEDGER_WEBHOOK_THREADS = env.number("LEDGER_WEBHOOK_THREADS", 4, least=0, most=64)
LEDGER_WEBHOOK_PRIVATE = env.flag("LEDGER_WEBHOOK_PRIVATE")
if LEDGER_WEBHOOK_PRIVATE and LEDGER_HTTPS:
    env.refuse("LEDGER_WEBHOOK_PRIVATE", env.NO_PRIVATE_WEBHOOKS)

STATIC_URL = "static/"
STATIC_ROOT = LEDGER_DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.FileSystemFinder",
    "ledger.server.static_files.AppFilesFinder",
]
WHITENOISE_ALLOW_ALL_ORIGINS = False  # other sites do not need our static files
_STATIC_STORAGE = (
    "django.contrib.staticfiles.storage.StaticFilesStorage"
    if DEBUG
    else "ledger.server.static_files.StaticStorage"
)
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": _STATIC_STORAGE},
    **attachments.storage(),
}

# Whether staff need a second factor for LEDGER_STAFF_PATHS, which are the admin and the pages about
# the whole bank.
LEDGER_STAFF_SECOND_FACTOR = env.flag("LEDGER_STAFF_SECOND_FACTOR", default=not _IS_RELAXED)
# Whether all users need a second factor on all pages, except public pages and the sign-in.
LEDGER_CUSTOMER_SECOND_FACTOR = env.flag("LEDGER_CUSTOMER_SECOND_FACTOR")
LEDGER_STAFF_PATHS = (
    "/admin/", "/reports/", "/search/", "/transactions/", "/explorer/", "/metrics",
    "/cookbook/learn/",  # an answer to an exercise is SQL
)  # fmt: skip
# Who may use the explorer. "staff" means that users with the permission use_explorer may query the
# whole bank with SQL. "off" means that nobody may. LEDGER_EXPLORER_SECONDS is the time limit of a
# query.
if env.text("LEDGER_EXPLORER") == "customers":
    env.refuse("LEDGER_EXPLORER", env.NO_SQL_FOR_CUSTOMERS)
LEDGER_EXPLORER = env.choice("LEDGER_EXPLORER", "staff", ["staff", "off"])
LEDGER_EXPLORER_SECONDS = env.number("LEDGER_EXPLORER_SECONDS", 10, least=1, most=60)
# The token with which Prometheus reads /metrics. During a change, the setting can contain an old
# and a new token. If there is no token, only signed-in staff can open the page.
LEDGER_METRICS_TOKEN = env.tokens("LEDGER_METRICS_TOKEN")
# Whether the site has the cookbook and its lab. They run SQL for every signed-in user.
LEDGER_COOKBOOK = env.flag(
    "LEDGER_COOKBOOK",
    default=(DEBUG or _IS_RELAXED) and not pool.is_behind_pooler(),
)
# Maximum number of API calls per minute for each token. 0 means no limit.
LEDGER_API_RATE = env.number("LEDGER_API_RATE", 12_000, least=0, most=10_000_000)
# Number of megabytes that a customer may upload per day. 0 means no limit.
LEDGER_MEGABYTES_A_DAY = env.number("LEDGER_MEGABYTES_A_DAY", 200, least=0, most=1_000_000)
# How users can contact the bank, and where people can report a weakness of the site
# (/.well-known/security.txt).
LEDGER_CONTACT = env.reachable("LEDGER_CONTACT")
LEDGER_SECURITY_CONTACT = env.contact("LEDGER_SECURITY_CONTACT")
# The address to which `deploy/server/mail` sends an email when a service of the server fails.
LEDGER_OPERATOR_MAIL = env.email("LEDGER_OPERATOR_MAIL")
# The amount that a staff member may move per day without the approval of another person. This is
# also the amount by which they may raise limits per day (docs/staff.md). `migrate` writes this
# amount into the database, which enforces the rule.
LEDGER_FOUR_EYES_OVER = env.amounts_by_currency(
    "LEDGER_FOUR_EYES_OVER", "10000,JPY=1500000,BHD=4000,KWD=3000,OMR=4000,JOD=7000"
)
LEDGER_FOUR_EYES_HOURS = 48  # the time until a request for approval expires
PORT = web_server_settings.web_server().port
# The identity provider, if there is one (docs/sign-in.md).
OIDC_MOCK_PORT = env.number(
    "OIDC_MOCK_PORT", min(PORT + 80, env.LAST_PORT), least=1, most=env.LAST_PORT
)
LEDGER_PROVIDER = provider.read(
    mock_port=OIDC_MOCK_PORT, is_demo=_IS_RELAXED, is_https=LEDGER_HTTPS
)
OIDC_MOCK = env.text("OIDC") == "mock"
# Warnings of `check --deploy` about settings that Ledger calculates from its own settings.
# ledger.checks reports on Ledger's settings instead. W002 is about a middleware whose header
# HeadersMiddleware sets. W005 and W021 are about HSTS for subdomains and in lists of browsers,
# which a bank could not undo.
SILENCED_SYSTEM_CHECKS = [
    f"security.{number}"
    for number in ("W002", "W004", "W005", "W008", "W009", "W010", "W016", "W018", "W020", "W021")
]
# The error pages of DEBUG show the message, but no typed values, cookies or values of variables.
DEFAULT_EXCEPTION_REPORTER = "ledger.web.error_reports.HidingReporter"
DEFAULT_EXCEPTION_REPORTER_FILTER = "ledger.web.error_reports.HidingFilter"
LOG_LEVEL = env.choice("LOG_LEVEL", "WARNING", ["DEBUG", "INFO", "WARNING", "ERROR"])
# text is for people. json is for programs: one object per line, without values (docs/logs.md).
LOG_FORMAT = env.choice("LOG_FORMAT", "text", env.LOG_FORMATS)
LOGGING_CONFIG = "ledger.web.log_setup.configure"
LOGGING = log.logging(level=LOG_LEVEL, is_json=LOG_FORMAT == "json")
