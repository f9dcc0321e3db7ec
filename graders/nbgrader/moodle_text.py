"""Text in a CSV file that Moodle's grade import reads."""

from __future__ import annotations

import html
import re

_BEFORE_A_QUOTE = re.compile(r'\\(?="|\Z)')


def readable(text: str) -> str:
    r"""The text, with a blank between a backslash and a quote or the end.

    Moodle reads the file, stores it and reads that (``csvlib.class.php``) with PHP's ``fgetcsv``
    and ``fputcsv``, to which ``\"`` does not end a cell: after a cell that ends with a backslash
    the next student's line would be part of it, and that student without a grade.
    """
    return _BEFORE_A_QUOTE.sub(r"\\ ", text)


def shown(comment: str) -> str:
    """A comment as Moodle shows it: as HTML, in which ``docker run <image>`` would lose a word."""
    return html.escape(comment, quote=False)
