"""From what a report says to one HTML file: the template filled, everything escaped, figures inlined."""

import base64
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import matplotlib.pyplot as plt
from jinja2 import Environment, PackageLoader, StrictUndefined
from matplotlib.figure import Figure

DPI = 200


@dataclass(frozen=True)
class Picture:
    """A figure as the page holds it: PNG in base 64, and what it shows in words."""

    data: str
    alt: str


def inline(figure: Figure, alt: str) -> Picture:
    """Draw a figure into a Picture and close it."""
    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI, facecolor="white", metadata={"Software": None})
    plt.close(figure)
    return Picture(base64.b64encode(buffer.getvalue()).decode("ascii"), alt)


def render(content: dict[str, Any]) -> str:
    """Fill in the template. What comes from a recording is text to it, never markup; an unknown name is an error."""
    environment = Environment(
        loader=PackageLoader("lsmlib.reporting", "."), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["percent"] = lambda share: f"{share:.0%}" if share in (0, 1) else _percent(share)
    return environment.get_template("page.html").render(content)


def _percent(share: float) -> str:
    """Never 0 % of something, nor 100 % where something lacks."""
    return "<1%" if share < 0.005 else ">99%" if share >= 0.995 else f"{share:.0%}"
