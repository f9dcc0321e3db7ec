"""The ``course`` command, one module per subcommand.

Exit codes: 0 success, 1 where the answer is "no", 2 where it could not run. Errors are one line
on standard error. Subcommands import what they need when they run, so that ``--help`` is quick.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from course_lib.errors import CourseError

DEBUG = "COURSE_DEBUG"


def main(words: Sequence[str] | None = None) -> int:
    """Run ``course`` with these words (by default the program's own); returns its exit code."""
    from course_lib.cli.parser import build_parser

    try:
        arguments = build_parser().parse_args(words)
        code: int = arguments.run(arguments)
        sys.stdout.flush()
    except CourseError as error:
        line = " ".join(str(error).split())
        print(f"course: {line}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read us has seen enough; Python would complain again while it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if os.environ.get(DEBUG):
            raise
        line = " ".join(f"{type(error).__name__}: {error}".split())
        print(f"course: unexpected: {line} ({DEBUG}=1 shows where)", file=sys.stderr)
        return 2
    return code
