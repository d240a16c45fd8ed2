"""The site, which `make docs` builds from README.md, docs/ and the docstrings.

The documents are written for GitHub and are here as they lie there: the source folder is the root
of the repository, so that a link leads to the same file in both places. What only a site needs, its
contents and its front page, stands in this file.
"""

from __future__ import annotations

import logging
import os
import re
import shlex
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.domains.python import PyXRefRole
from sphinx.util.docutils import SphinxDirective, SphinxRole

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))  # the docstrings of this checkout, whatever is installed

CONTENTS = {
    "Use": ["quickstart.ipynb", "training", "building", "judging", "choosing-r", "faq", "tools"],
    "Understand": ["method", "format", "architecture"],
    "Measured": [
        *("results", "speed", "scale", "figures", "confounded", "long-tail", "fashion-mnist")
    ],
    "Reference": ["api", "commands", "/CHANGELOG", "/CONTRIBUTING"],
}
"""The pages below each heading of the contents; strict builds refuse a document in none of them."""

project = "GeNIe transforms"
author = "the authors of GeNIe transforms"
html_title = project
root_doc = "README"
include_patterns = ["*.md", "docs/*.md", "docs/*.ipynb"]
exclude_patterns = [path.name for path in ROOT.iterdir() if path.is_dir() and path.name != "docs"]

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_heading_anchors = 4  # as GitHub names them
nb_execution_mode = "off"  # its outputs are in the file, and a test runs it

html_theme = "furo"
pygments_dark_style = "github-dark"
html_static_path = ["site.css"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_copyright = False

add_module_names = False
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
python_maximum_signature_line_length = 88
toc_object_entries_show_parents = "hide"
napoleon_numpy_docstring = False
default_role = "named"
nitpicky = True
nitpick_ignore_regex = [
    ("py:obj", ".*"),
    # Their type is `numpy.bytes_`, which napoleon leaves unquoted: docutils takes it for a link.
    ("py:class", r"genie_transforms\.format\.\w+\.(KnownSources|PixelKeys)"),
    # Other people's types, whose documentation would have to be fetched to link to it.
    ("py:class", r"(collections|huggingface_hub|npt|numpy|os|pathlib|PIL|Image|pyarrow|torch)\..*"),
]
logging.getLogger("faiss").setLevel(logging.WARNING)  # it says at INFO which build it found


def add_contents(app: Sphinx, docname: str, content: list[str]) -> None:
    """Add the contents to the front page, where GitHub does not need them."""
    if docname == root_doc:
        for heading, pages in CONTENTS.items():
            names = [page if page.startswith("/") else f"docs/{page}" for page in pages]
            content[0] += "\n".join(
                ["", "```{toctree}", ":hidden:", f":caption: {heading}", *names, "```", ""]
            )


def copy_front_page(app: Sphinx, error: Exception | None) -> None:
    """Let the front page also be what a server shows first."""
    if error is None and app.builder.format == "html":
        shutil.copy(app.outdir / f"{root_doc}.html", app.outdir / "index.html")


class Named(SphinxRole):
    """What stands in single quotes in a docstring: code, and a link where it names an object."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Return a reference for a name, and code for all else."""
        if re.fullmatch(r"[A-Za-z_][\w.]*", self.text):
            # The role itself would read a "~" or a "!" before a name as a command.
            return PyXRefRole()("py:obj", self.rawtext, self.text, self.lineno, self.inliner)
        return [nodes.literal(self.rawtext, self.text)], []


WIDTH = 88
"""Columns of what commands print."""


class Printed(SphinxDirective):
    """A command line and what it prints."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """Run the command, which has to succeed."""
        (line,) = self.content
        command = [sys.executable, *shlex.split(line)[1:]]
        environment = {**os.environ, "COLUMNS": str(WIDTH), "NO_COLOR": "1"}
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True
        )
        lines = [textwrap.fill(line, WIDTH) for line in done.stdout.splitlines()]
        text = "\n".join(lines)
        return [nodes.literal_block(text, text, language="none")]


def setup(app: Sphinx) -> None:
    """Connect what is defined here."""
    app.add_role("named", Named())
    app.add_directive("printed", Printed)
    app.connect("source-read", add_contents)
    app.connect("build-finished", copy_front_page)
