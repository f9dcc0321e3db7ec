"""The page on which people of a class arrive: the course's index, and how its lessons get there.

``python -m course_lib.hub.first_page FILE`` writes it, for the image of a cluster.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from course_lib.catalog import course
from course_lib.files import write_whole
from course_lib.release import release_notebook

FETCH = """\
**A lesson opens once you have fetched its assignment**: in the menu *Nbgrader → Assignment List*
press *Fetch*. There you also hand it in (*Submit*), and find what came back (*Fetch Feedback*)."""


def first_page() -> bytes:
    """The notebook ``index.ipynb`` as a class gets it.

    :raises CatalogError: where the course's own is no notebook.
    """
    notebook = json.loads(release_notebook(course().index))
    cell = {"cell_type": "markdown", "id": "fetch-first", "metadata": {}, "source": FETCH}
    notebook["cells"].insert(1, cell)
    return (json.dumps(notebook, indent=1, ensure_ascii=False) + "\n").encode()


if __name__ == "__main__":
    write_whole(Path(sys.argv[1]), first_page())
