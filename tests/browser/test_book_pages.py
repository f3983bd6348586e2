"""Every page of the book in a browser, at a desktop's width and a phone's."""

import functools
import subprocess
import sys
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tools import book
from tools.notebooks import ROOT

pytestmark = pytest.mark.browser

WIDTHS = {"desktop": 1280, "phone": 390}
# A phone's browser widens its window where a page is too wide, so widths are compared with the one that was set.
LOOK = """
const [window_width, done] = arguments;
const images = [...document.images];
images.forEach(image => { image.loading = "eager"; });
Promise.all(images.map(image => image.decode().catch(() => null))).then(() => done({
  images: images.length,
  unseen: images.filter(i => !i.naturalWidth || !i.clientWidth && i.offsetParent).map(i => i.src.slice(0, 120)),
  width: Math.max(document.documentElement.scrollWidth, document.body.scrollWidth),
  wide: [...document.querySelectorAll("body *")].filter(e => e.getBoundingClientRect().right > window_width + 1)
    .slice(0, 3).map(e => e.outerHTML.slice(0, 120)),
  heading: document.querySelector("h1")?.textContent ?? "",
  fetched: performance.getEntriesByType("resource").map(entry => entry.name),
}));
"""


class Quiet(SimpleHTTPRequestHandler):
    """Serves files and says nothing."""

    def log_message(self, *arguments):
        """Say nothing."""


@pytest.fixture(scope="module")
def address():
    """Where the book is served."""
    run = subprocess.run([sys.executable, "-m", "tools.book"], cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=book.OUTPUT))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def set_width(browser, width):
    """Set the width that pages see; a window itself cannot be as narrow as a phone."""
    metrics = {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


@pytest.mark.parametrize("width", WIDTHS)
def test_pages_load_show_their_figures_and_fit(browser, address, width):
    set_width(browser, WIDTHS[width])
    problems, images = [], 0
    for page in sorted(path.relative_to(book.OUTPUT).as_posix() for path in book.OUTPUT.rglob("*.html")):
        browser.get(f"{address}/{page}")
        found = browser.execute_async_script(LOOK, WIDTHS[width])
        images += found["images"]
        problems += [f"{page}: not shown: {source}" for source in found["unseen"]]
        problems += [
            f"{page}: from elsewhere: {name}" for name in found["fetched"] if not name.startswith((address, "data:"))
        ]
        problems += [f"{page}: {entry['level']}: {entry['message']}" for entry in browser.get_log("browser")]
        if not found["heading"] and page != "search.html":
            problems.append(f"{page}: no heading")
        if found["width"] > WIDTHS[width]:
            problems.append(f"{page}: {found['width']} px wide, the window {WIDTHS[width]}: {found['wide']}")
    assert problems == []
    assert images > 50


def test_search_finds_a_word_without_the_network(browser, address):
    set_width(browser, WIDTHS["desktop"])
    browser.get(f"{address}/search.html?q=rematerialise")
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import WebDriverWait

    WebDriverWait(browser, 30).until(lambda b: b.find_elements(By.CSS_SELECTOR, "#search-results li a"))
    assert any(
        "glossary" in a.get_attribute("href") for a in browser.find_elements(By.CSS_SELECTOR, "#search-results li a")
    )


def test_the_picture_check_sees_what_is_missing(browser, address):
    set_width(browser, WIDTHS["phone"])
    browser.get(f"{address}/index.html")
    browser.execute_script("document.body.innerHTML = '<img src=gone.png><div style=\"width: 900px\">wide</div>'")
    found = browser.execute_async_script(LOOK, WIDTHS["phone"])
    assert len(found["unseen"]) == 1 and found["width"] >= 900 and "wide" in found["wide"][0]
    assert any("gone.png" in entry["message"] for entry in browser.get_log("browser"))
