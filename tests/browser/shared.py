"""What several browser tests do: sign in, look at a page, ask axe."""

from typing import Any

from axe_playwright_python.sync_playwright import Axe

from tests.factories import PASSWORD

LONG = "Maximiliana Wolfeschlegelsteinhausenbergerdorff-Featherstonehaugh de la Santísima Trinidad"


def serious(page: Any, url: str) -> list[str]:
    violations = Axe().run(page).response["violations"]
    return [
        f"{url}: {v['id']} {[node['target'] for node in v['nodes']][:3]}"
        for v in violations
        if v["impact"] in ("serious", "critical")
    ]


def look_at(page: Any, what: str, width: int) -> list[str]:
    too_wide = page.evaluate("document.documentElement.scrollWidth") > width
    return serious(page, what) + ([f"{what} is too wide"] if too_wide else [])


def sign_in(page: Any, email: str = "ana@example.com") -> None:
    page.goto("/account/login/")
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/")
