"""The settings of the server whose API is measured: a database of the bench, and an empty call."""

import os

from tests.settings import *  # noqa: F403

ROOT_URLCONF = "tests.bench.api_urls"
DATABASES["default"]["NAME"] = os.environ["BENCH_DATABASE"]  # noqa: F405
LEDGER_MEGABYTES_A_DAY = 0
LEDGER_API_RATE = 10**9  # calls are counted as usual, but exceed the usual limit of a program
