"""The pictures of the documentation, from fresh demo data: `make screenshots`.

Starts the bank in a folder of its own, signs in as the demo customer, and photographs it.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parent.parent.parent
PICTURES = [  # name, path or the account to open from home, width, height, colours
    ("home", "/", 1080, 900, "light"),
    ("statement", "Everyday", 1080, 900, "light"),
    ("statement-phone-dark", "Everyday", 390, 844, "dark"),
    ("cookbook", "/cookbook/bills-smoothed/", 1280, 900, "light"),
]


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="ledger-") as folder:
        Path(folder).chmod(0o755)
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        server = subprocess.Popen(
            [sys.executable, "manage.py", "serve", "--demo", "--port", str(port)],
            cwd=ROOT,
            env={**os.environ, "LEDGER_DATA_DIR": str(Path(folder) / "data")},
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            address = next(iter(server.stdout or [])).split()[-1]
            photograph(address)
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(30)


def photograph(address: str) -> None:
    chromium = shutil.which("chromium") or "chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for name, place, width, height, colours in PICTURES:
            page = browser.new_page(
                base_url=address,
                viewport={"width": width, "height": height},
                color_scheme=colours,  # type: ignore[arg-type]
            )
            sign_in(page)
            if place.startswith("/"):
                page.goto(place)
            else:
                page.get_by_role("link", name=place).first.click()
                page.wait_for_url("**/accounts/*/")
            page.screenshot(path=ROOT / "docs" / f"{name}.png")
        browser.close()


def sign_in(page: Any) -> None:
    page.goto("/account/login/")
    page.get_by_label("Email").fill("ana@example.com")
    page.get_by_label("Password").fill("ledger-demo")
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(lambda url: url.endswith("/") and "login" not in url)


if __name__ == "__main__":
    main()
