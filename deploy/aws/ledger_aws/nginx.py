"""Defines the container with nginx in each web task. Its version and configuration are the same as
in compose.yaml.
"""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
CONTAINER = "nginx"
# Docker's official image, from AWS's public registry.
REGISTRY = "public.ecr.aws/docker/library"
IN_COMPOSE, IN_TASK = " web:", " 127.0.0.1:"
# Each file is passed as a variable, because a task cannot mount local files.
START = (
    'printf %s "$NGINX_CONF" >nginx.conf && printf %s "$LEDGER_CONF" >ledger.conf'
    ' && exec nginx -e stderr -c "$PWD/nginx.conf" -g "daemon off;"'
)


def image() -> str:
    (found,) = re.findall(r"image: (nginx:\S+)", (ROOT / "compose.yaml").read_text())
    return f"{REGISTRY}/{found}"


def files() -> dict[str, str]:
    """Returns the environment variables of the container. Each variable contains a configuration
    file, which START writes to disk. The configuration uses 127.0.0.1, because containers of a task
    connect to each other at this address.
    """
    folder = ROOT / "deploy/nginx"
    return {
        "NGINX_CONF": (folder / "nginx.conf").read_text().replace(IN_COMPOSE, IN_TASK),
        "LEDGER_CONF": (folder / "ledger.conf").read_text(),
    }
