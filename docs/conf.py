"""The documentation as a site: ``make docs`` writes it to ``docs/_build``."""

from __future__ import annotations

from importlib.metadata import version as installed_version

project = "Docker networking and volumes, by doing"
copyright = "the authors of the course"
version = release = installed_version("docker-networking-volumes-course")

extensions = ["myst_parser"]  # the pages are Markdown, which people also read in the repository
exclude_patterns = ["_build"]
myst_heading_anchors = 3
html_theme = "furo"
html_title = project
html_static_path = ["_static"]
html_css_files = ["words.css"]
# A link to a page or a heading that is not there is an error of the build (`-W`).
nitpicky = True
