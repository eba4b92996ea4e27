"""nginx in each web task, with the configuration and the version of compose.yaml."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
CONTAINER = "nginx"
# Docker's official image, from AWS's public registry.
REGISTRY = "public.ecr.aws/docker/library"
IN_COMPOSE, IN_TASK = " web:", " 127.0.0.1:"
# The files are passed as variables, because local files cannot be mounted into a task.
START = (
    'printf %s "$NGINX_CONF" >nginx.conf && printf %s "$LEDGER_CONF" >ledger.conf'
    ' && exec nginx -e stderr -c "$PWD/nginx.conf" -g "daemon off;"'
)


def image() -> str:
    (found,) = re.findall(r"image: (nginx:\S+)", (ROOT / "compose.yaml").read_text())
    return f"{REGISTRY}/{found}"


def files() -> dict[str, str]:
    """Returns the variables for START. Containers of a task reach each other at 127.0.0.1."""
    folder = ROOT / "deploy/nginx"
    return {
        "NGINX_CONF": (folder / "nginx.conf").read_text().replace(IN_COMPOSE, IN_TASK),
        "LEDGER_CONF": (folder / "ledger.conf").read_text(),
    }
