"""Settings of Sphinx for the book; ``tools/book.py`` lays out what is rendered."""

from typing import Any

from latex2mathml.converter import convert

from tools.stamp import read_url

project = "Large Sensor Models"
author = "The lsmlib contributors"
copyright = "the lsmlib contributors. Not an official Google product"
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
source_suffix = {".md": "myst-nb", ".ipynb": "myst-nb", ".rst": "restructuredtext"}

# Notebooks are shown as they were run; nothing is executed, and nothing comes from the network.
nb_execution_mode = "off"
nb_ipywidgets_js: dict[str, Any] = {}
nb_merge_streams = True
myst_enable_extensions = ["dollarmath", "colon_fence"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 80
add_module_names = False
napoleon_use_rtype = False
# References that a page writes must lead somewhere; names of types in signatures may be of other packages.
suppress_warnings = ["toc.empty_glob"]  # results.md is there once there are results
nitpicky = True
nitpick_ignore_regex = [("py:class", ".*"), ("py:exc", ".*")]

html_theme = "furo"
html_title = "Large Sensor Models"
html_favicon = "_static/favicon.svg"
html_static_path = ["_static"]
html_css_files = ["book.css"]
html_copy_source = False
html_math_renderer = "mathml"
html_theme_options = {"footer_icons": [{"name": "Repository", "url": read_url(), "html": "Repository", "class": ""}]}


def _write_math(display: str) -> Any:
    def visit(translator: Any, node: Any) -> None:
        """Browsers draw MathML themselves, without a script from elsewhere."""
        translator.body.append(convert(node.astext(), display=display))
        from docutils.nodes import SkipNode

        raise SkipNode

    return visit


def setup(app: Any) -> None:
    """Register how formulas are written."""
    app.add_html_math_renderer("mathml", (_write_math("inline"), None), (_write_math("block"), None))
