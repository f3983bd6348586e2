"""Write what pyproject.toml says into every file that repeats it.

    python -m tools.stamp            write
    python -m tools.stamp --check    only say what would change, and fail if anything would

The repository's address stands in ``[project.urls] Repository``. It is stamped into the Colab badge (first line of each
notebook), the Colab-only install cell (tagged ``colab-install``), CITATION.cff and README.md, whose tables are made
anew (``tools.readme``). environment.yml is made whole from the lists of packages and the comments beside them, but for
the extra ``peers``.
"""

import argparse
import re
import tomllib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

from tools.notebooks import ROOT, find_sources, read, sync
from tools.readme import write_tables

COLAB = "https://colab.research.google.com/github"
BADGE_IMAGE = "https://colab.research.google.com/assets/colab-badge.svg"
BADGE = re.compile(r"# \[!\[Open in Colab\].*\n")
INSTALL_CELL = re.compile(r'# %% tags=\["colab-install"\]\n.*?(?=\n# %%)', re.DOTALL)
INSTALL = """\
# %% tags=["colab-install"]
import subprocess
import sys
from importlib import metadata, util

if util.find_spec("google") and util.find_spec("google.colab"):  # only in Colab, whose own jax and numpy are kept
    keep = [f"{name}=={metadata.version(name)}" for name in ("jax", "jaxlib", "numpy")]
    package = "lsmlib @ git+{url}"
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", package, *keep], check=True)
"""


APART = "peers"  # the extra that only tests and benchmarks install; pyproject.toml says why


class Package(NamedTuple):
    """One line of a list of packages: what is required, and why."""

    group: str  # "" for the dependencies themselves, else the name of the extra
    requirement: str
    reason: str


def read_url(root: Path = ROOT) -> str:
    """Return the repository's address.

    Raises:
        ValueError: it is not of the form that badges and pip need.
    """
    url = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]["urls"]["Repository"]
    if not re.fullmatch(r"https://github\.com/[\w.-]+/[\w.-]+(?<!\.git)", url):
        raise ValueError(f"Repository in pyproject.toml is {url!r}; write it as https://github.com/OWNER/NAME.")
    return url


def read_packages(root: Path = ROOT) -> list[Package]:
    """Return the lists of packages of pyproject.toml, with the comment beside each requirement.

    Raises:
        ValueError: a requirement has no comment that says what it is for.
    """
    text = (root / "pyproject.toml").read_text(encoding="utf-8")
    project = tomllib.loads(text)["project"]
    reasons = dict(re.findall(r'^ *"([^"]+)", +# (.+)$', text, flags=re.MULTILINE))
    groups = {"": project["dependencies"], **project["optional-dependencies"]}
    listed = [(group, requirement) for group, requirements in groups.items() for requirement in requirements]
    if bare := [requirement for _, requirement in listed if requirement not in reasons]:
        raise ValueError(f"pyproject.toml does not say what these packages are for: {', '.join(bare)}.")
    return [Package(group, requirement, reasons[requirement]) for group, requirement in listed]


def make_environment(root: Path = ROOT) -> str:
    """Return the whole text of environment.yml."""
    python = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]["requires-python"]
    lines = [
        "# For users of conda: `conda env create --file environment.yml`, then `conda activate lsm`.",
        "# Made from pyproject.toml by `make stamp`; edit that file, not this one.",
        "name: lsm",
        "channels: [conda-forge]",
        "dependencies:",
        f'  - "python{python}"',
        "  - pip",
        "  - git",
        "  - make",
        "  - pip:",
        "      - --editable .",
    ]
    group = ""
    for package in read_packages(root):
        if package.group == APART:
            continue
        if package.group != group:
            group = package.group
            lines.append(f"      # {group}")
        lines.append(f'      - "{package.requirement}"'.ljust(38) + f"# {package.reason}")
    return "\n".join(lines) + "\n"


def stamp_notebook(text: str, name: str, url: str) -> str:
    """Return a notebook's text with the badge and the install cell for ``url``.

    Raises:
        ValueError: the text does not begin with a markdown cell, or has not exactly one install cell.
    """
    first = "# %% [markdown]\n"
    if not text.startswith(first):
        raise ValueError(f"{name} must begin with a markdown cell, `{first.strip()}`.")
    badge = f"# {make_badge(name, url)}\n"
    body = text.removeprefix(first)
    body = BADGE.sub("", body, count=1).removeprefix("#\n") if BADGE.match(body) else body
    body, cells = INSTALL_CELL.subn(lambda _: INSTALL.replace("{url}", url), body)
    if cells != 1:
        raise ValueError(
            f'{name} must have one cell `# %% tags=["colab-install"]` with more cells after it, has {cells}.'
        )
    return f"{first}{badge}#\n{body}"


def make_badge(name: str, url: str) -> str:
    """Return markdown that opens a notebook in Colab."""
    target = f"{COLAB}/{url.removeprefix('https://github.com/')}/blob/main/notebooks/{name}.ipynb"
    return f"[![Open in Colab]({BADGE_IMAGE})]({target})"


def make_files(root: Path = ROOT) -> Iterator[tuple[Path, str]]:
    """Yield every stamped file with the text it should have."""
    url = read_url(root)
    yield root / "environment.yml", make_environment(root)
    citation = (root / "CITATION.cff").read_text(encoding="utf-8")
    # the address stamped last stands here, so that README needs no marks to find it again
    (old,) = re.findall(r"^repository-code: (.+)$", citation, flags=re.MULTILINE)
    for file in (root / "CITATION.cff", root / "README.md"):
        text = file.read_text(encoding="utf-8")
        for before, after in ((old, url), (_slug(old), _slug(url))):
            text = re.sub(rf"{re.escape(before)}(?![\w-])", after, text)
        yield file, write_tables(text, root, partial(make_badge, url=url)) if file.name == "README.md" else text
    for source in find_sources(folder=root / "notebooks"):
        yield source, stamp_notebook(source.read_text(encoding="utf-8"), source.stem, url)


def _slug(url: str) -> str:
    return url.removeprefix("https://")


def find_changes(root: Path = ROOT) -> list[tuple[Path, str]]:
    """Return the files that do not have the text they should have, with that text."""
    return [
        (file, text) for file, text in make_files(root) if not file.exists() or file.read_text(encoding="utf-8") != text
    ]


def main(arguments: list[str] | None = None, root: Path = ROOT) -> int:
    """Stamp, or check."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="change nothing, fail if something would change")
    options = parser.parse_args(arguments)
    changes = find_changes(root)
    for file, text in changes:
        print(f"{'out of date' if options.check else 'wrote'}: {file.relative_to(root)}")
        if not options.check:
            file.write_text(text, encoding="utf-8")
            if file.suffix == ".py" and read(file).cells:
                sync(file)
    if options.check and changes:
        print("Run `make stamp`.")
    return int(options.check and bool(changes))


if __name__ == "__main__":
    raise SystemExit(main())
