"""Reads the setting for tracing requests and jobs, and the variables of OpenTelemetry
(docs/tracing.md).

OpenTelemetry reads variables only from the environment, and for some wrong values only prints a
warning. Therefore this module copies the variables in `.env` into the environment, removes blank
variables, and stops the process if a variable is wrong.
"""

import os
import re
from collections.abc import Mapping
from importlib.util import find_spec
from urllib.parse import urlsplit

from ledger import env

PREFIX = "OTEL_"
PACKAGE = "opentelemetry.exporter.otlp.proto.http"
INSTALL = (
    "it needs the packages of the extra otel, which are not installed: make install-extras, or"
    " pip install opentelemetry-exporter-otlp-proto-http"
)
TRACES_ENDPOINT = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
PLAIN = (
    "others on the network could read the statements that the bank sends; use https://, or a"
    " collector in a private network"
)
# Variables for which only one value is allowed.
FIXED_VALUES = {
    "OTEL_TRACES_EXPORTER": "otlp",
    "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
    "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf",
}
SAMPLERS = (
    "parentbased_always_on",
    "parentbased_always_off",
    "parentbased_traceidratio",
    "always_on",
    "always_off",
    "traceidratio",
)
# Minimum, maximum and default of each variable.
QUEUE, BATCH = "OTEL_BSP_MAX_QUEUE_SIZE", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE"
NUMBERS = {
    "OTEL_BSP_SCHEDULE_DELAY": (1, 3_600_000, 5000),
    QUEUE: (1, 1_000_000, 2048),
    BATCH: (1, 1_000_000, 512),
}
HEADER = re.compile(r"\s*[!#$%&'*+.^_`|~\w-]+\s*=[ -~]*", re.ASCII)
RATIO = re.compile(r"0(\.[0-9]+)?|1(\.0+)?|\.[0-9]+", re.ASCII)
FIRST = "ledger.web.request_spans.RequestSpanMiddleware"
LAST = "ledger.web.request_spans.ViewSpanMiddleware"


def is_on() -> bool:
    """Returns whether LEDGER_TRACING is on. If LEDGER_TRACING is on, checks OpenTelemetry's
    variables and copies them into the environment. Ends the process if a variable is wrong.
    """
    if not env.flag("LEDGER_TRACING"):
        return False
    if not _is_installed():
        env.refuse("LEDGER_TRACING", INSTALL)
    _check_place()
    _check_sampler()
    _check_queue()
    _put_into_environment(env.beginning_with(PREFIX))
    _try()
    return True


def with_spans(middleware: list[str]) -> list[str]:
    """Returns MIDDLEWARE with a tracing class at the beginning and at the end."""
    return [FIRST, *middleware, LAST]


def _is_installed() -> bool:
    try:
        return find_spec(PACKAGE) is not None
    except ModuleNotFoundError:  # a parent package is missing
        return False


def _check_place() -> None:
    for name, only in FIXED_VALUES.items():
        env.choice(name, only, [only])
    places = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": env.text("OTEL_EXPORTER_OTLP_ENDPOINT"),
        TRACES_ENDPOINT: env.text(TRACES_ENDPOINT),
    }
    for name, place in places.items():
        host = urlsplit(place).hostname
        if place and not (place.startswith(("http://", "https://")) and host):
            env.refuse(name, "it is not an address such as http://localhost:4318")
        if place.startswith("http://") and env.is_public(host or ""):
            env.refuse(name, PLAIN)
    headers = env.text("OTEL_EXPORTER_OTLP_HEADERS")
    if headers and not all(HEADER.fullmatch(each) for each in headers.split(",")):
        env.refuse("OTEL_EXPORTER_OTLP_HEADERS", "it has no headers such as name=value,other=value")


def _check_sampler() -> None:
    sampler = env.choice("OTEL_TRACES_SAMPLER", SAMPLERS[0], SAMPLERS)
    ratio = env.text("OTEL_TRACES_SAMPLER_ARG")
    if "ratio" in sampler and not RATIO.fullmatch(ratio):
        env.refuse("OTEL_TRACES_SAMPLER_ARG", f"{ratio!r} is not a number from 0 to 1, such as 0.1")


def _check_queue() -> None:
    found = {
        name: env.number(name, usual, least=least, most=most)
        for name, (least, most, usual) in NUMBERS.items()
    }
    if found[BATCH] > found[QUEUE]:
        env.refuse(BATCH, f"it is more than {QUEUE}, which is {found[QUEUE]}")


def _put_into_environment(given: Mapping[str, str]) -> None:
    for name, value in given.items():
        if value:
            os.environ[name] = value
        else:
            os.environ.pop(name, None)
    if "service.name=" not in given.get("OTEL_RESOURCE_ATTRIBUTES", ""):
        os.environ["OTEL_SERVICE_NAME"] = env.text("OTEL_SERVICE_NAME", "ledger")


def _try() -> None:
    """Creates a span exporter as a test, without sending anything. Ends the process if a variable
    is wrong, because a later process would fail otherwise.
    """
    try:
        from ledger.tracing.exporting import check_variables

        check_variables()
    except Exception as error:  # noqa: BLE001
        # The message may contain a value, such as a header with a token.
        kind = type(error).__name__
        env.refuse("LEDGER_TRACING", f"OpenTelemetry refuses one of its OTEL_ variables: {kind}")
