"""Links of rendered pages: what leads nowhere, and what a browser would fetch from elsewhere."""

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

LOADED = {"script": "src", "img": "src", "iframe": "src", "source": "src"}
NOT_FETCHED = {"canonical", "index", "search", "next", "prev"}  # what rel= of a link may be without loading anything


class Page(HTMLParser):
    """The ids of a page, what it links to, and what a browser fetches to show it."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what a tag brings."""
        given = {name: value.strip() for name, value in attrs if value and value.strip()}
        self.ids |= {given[name] for name in ("id", "name") if name in given}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if tag == "link" and "href" in given and given.get("rel") not in NOT_FETCHED:
            self.loads.append(given["href"])
        if tag in LOADED and LOADED[tag] in given:
            self.loads.append(given[LOADED[tag]])


def find_broken(folder: Path) -> list[str]:
    """Links and pictures of a folder of pages that lead nowhere, and anything that is fetched from elsewhere."""
    pages = {path: Page(path) for path in folder.rglob("*.html")}
    broken = []
    for path, page in pages.items():
        name = path.relative_to(folder).as_posix()
        for target in (*page.links, *page.loads):
            parts = urlsplit(target)
            if parts.scheme in ("http", "https", "mailto", "data") or parts.netloc:
                if target in page.loads and parts.scheme != "data":
                    broken.append(f"{name} fetches {target}")
                continue
            place = folder / unquote(urlsplit(urljoin(name, target)).path) if parts.path else path
            if not place.is_file():
                broken.append(f"{name}: {target}")
            elif parts.fragment and place in pages and unquote(parts.fragment) not in pages[place].ids:
                broken.append(f"{name}: {target} (no such section)")
    return sorted(set(broken))
