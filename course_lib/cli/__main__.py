"""``python -m course_lib.cli``: the ``course`` command where it is not on PATH."""

import sys

from course_lib.cli import main

if __name__ == "__main__":
    sys.exit(main())
