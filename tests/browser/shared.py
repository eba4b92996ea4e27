"""What several browser tests do: sign in, look at a page, ask axe."""

from typing import Any

from axe_playwright_python.sync_playwright import Axe

from tests.factories import PASSWORD

AXE = Axe()
LONG = "Maximiliana Wolfeschlegelsteinhausenbergerdorff-Featherstonehaugh de la Santísima Trinidad"


def look_at(page: Any, what: str) -> list[str]:
    """What is wrong with the page: at a desk in light colours, and on a phone in dark ones.

    One visit for both, as loading a page takes as long as looking at it.
    """
    wrong = []
    page.evaluate(AXE.axe_script)
    for scheme, width in (("light", 1080), ("dark", 390)):
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 844})
        page.evaluate("document.getAnimations().forEach(change => change.finish())")
        wrong += [
            f"{what}, {scheme}: {found['id']} {[node['target'] for node in found['nodes']][:3]}"
            for found in page.evaluate("axe.run({resultTypes: ['violations']})")["violations"]
            if found["impact"] in ("serious", "critical")
        ]
        if page.evaluate("document.documentElement.scrollWidth") > width:
            wrong.append(f"{what} is wider than {width}")
    return wrong


def sign_in(page: Any, email: str = "ana@example.com") -> None:
    page.goto("/account/login/")
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(lambda url: "/account/login/" not in url)
