"""What several browser tests do: sign in, look at a page, ask axe."""

import re
from collections.abc import Iterator
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.factories import PASSWORD

AXE = Axe()
LONG = "Maximiliana Wolfeschlegelsteinhausenbergerdorff-Featherstonehaugh de la Santísima Trinidad"

ICON = 'label[for="{}"] > .help-tooltip.search-label-icon'
# What is wrong in the templates of Django's own admin, by rule and element, and why it stays.
EXCEPTIONS = {
    ("label-title-only", "#searchbar"): "the search of a list has a picture as its label",
    ("aria-input-field-name", ".select2-selection"): "select2 gives its field no name",
    ("aria-input-field-name", "#select2-id_user-container"): "select2 gives its field no name",
    ("aria-input-field-name", "#select2-id_household-container"): "select2 gives its field no name",
    ("aria-prohibited-attr", ICON.format("id_groups_input")): "the icon has a name but no role",
    ("aria-prohibited-attr", ICON.format("id_groups_selected_input")): "as the icon before it",
    ("empty-table-header", "thead > tr > .original"): "the column of a row's own name has no head",
    ("empty-table-header", "th:nth-child(7)"): "the column to delete a row has no head here",
    ("scrollable-region-focusable", ".tabular"): "the fields inside the table take the focus",
}


def findings(page: Any) -> Iterator[tuple[str, str]]:
    """Each rule of axe that the page breaks, whatever its impact, and the breaking element."""
    for broken in page.evaluate("axe.run({resultTypes: ['violations']})")["violations"]:
        for node in broken["nodes"]:
            element = " ".join(str(part) for part in node["target"])
            is_of_admin = "/admin/" in page.url
            if not (is_of_admin and (broken["id"], element) in EXCEPTIONS):
                yield broken["id"], element


# What stands on paper although nobody can press it there, and the colour of the paper.
PRESSED = "button, [type=submit], [type=search], .button, a.closelink"
PRINTED = f"""() => {{
    const shown = [...document.querySelectorAll('{PRESSED}')].filter(it => it.checkVisibility());
    const paper = getComputedStyle(document.body).backgroundColor;
    const isWhite = ['rgb(255, 255, 255)', 'rgba(0, 0, 0, 0)'].includes(paper);
    return [...shown.map(it => it.outerHTML.slice(0, 80)), ...(isWhite ? [] : [paper])];
}}"""

# Whether the name in the header is cut while it may be longer and the search may be shorter.
CUT_NAME = """() => {
    const name = document.querySelector('.top .menu__name');
    const search = document.querySelector('.top .search');
    if (!name || !search || name.scrollWidth <= name.clientWidth) return false;
    const menu = name.parentElement;
    const limit = (element, side) => parseFloat(getComputedStyle(element)[side]);
    return menu.offsetWidth < limit(menu, 'maxWidth') - 8
        && search.offsetWidth > limit(search, 'minWidth') + 16;
}"""


def press_twice(page: Any, button: str, *, until: str) -> None:
    """Presses a button twice at once, until the address is like the expression `until`. The second
    press aborts the navigation of the first one, which `wait_for_url` takes for an error.
    """
    page.get_by_role("button", name=re.compile(button)).dblclick()
    expect(page).to_have_url(re.compile(until))


def look_at(page: Any, what: str, *, is_printed: bool = True) -> list[str]:
    """What is wrong with the page: at a desk in light colours, on a phone in dark ones, and on
    paper, unless nobody prints it.

    One visit for both, as loading a page takes as long as looking at it.
    """
    wrong = []
    page.wait_for_load_state()  # a click returns before the next page has an element
    page.evaluate(AXE.axe_script)
    for scheme, width in (("light", 1080), ("dark", 390)):
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 844})
        page.evaluate("document.getAnimations().forEach(change => change.finish())")
        wrong += [f"{what}, {scheme}: {rule} {element}" for rule, element in findings(page)]
        if page.evaluate("document.documentElement.scrollWidth") > width:
            wrong.append(f"{what} is wider than {width}")
        if page.evaluate(CUT_NAME):
            wrong.append(f"{what} cuts the name at {width}")
    if not is_printed:
        return wrong
    page.emulate_media(media="print", color_scheme="dark")
    wrong += [f"{what}, printed: {part}" for part in page.evaluate(PRINTED)]
    page.emulate_media(media="screen")
    return wrong


def sign_in(page: Any, email: str = "ana@example.com") -> None:
    page.goto("/account/login/")
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(lambda url: "/account/login/" not in url)


def await_text(page: Any, text: str | re.Pattern[str], place: str = "main") -> None:
    """Waits until the place shows the text, on a page that is not wider than the screen.

    A click returns as soon as the next page begins, which may be before it has an element.
    """
    expect(page.locator(place).first).to_contain_text(text, use_inner_text=True)
    check_width(page)


def check_width(page: Any) -> None:
    """The page is not wider than the screen."""
    page.wait_for_load_state()
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= page.viewport_size["width"], page.url
