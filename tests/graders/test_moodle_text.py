"""Any text in a file for Moodle: nothing of it is lost, and no line becomes part of another."""

from __future__ import annotations

import csv
import io
import json
import shutil
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graders.nbgrader.export import MoodleExport
from graders.nbgrader.moodle_text import readable
from tests.graders import moodle

PHP = shutil.which("php")
AS_PHP_DOES = r"""
[$text, $rows] = json_decode(stream_get_contents(STDIN));
function get($text) {
    $file = fopen('php://memory', 'w+b'); fwrite($file, $text); rewind($file);
    for ($rows = []; $row = fgetcsv($file, 0, ',', '"', '\\'); $rows[] = $row);
    return $rows;
}
$file = fopen('php://memory', 'w+b');
foreach ($rows as $row) fputcsv($file, $row, ',', '"', '\\');
rewind($file);
echo json_encode([get($text), stream_get_contents($file)]);
"""
cells = st.text('\\\\\\"", \nabé', max_size=8)
tables = st.lists(st.tuples(st.just("ann"), cells, st.just("1"), cells), min_size=1, max_size=4)


def written(rows: list[tuple[str, ...]]) -> str:
    out = io.StringIO(newline="")
    csv.writer(out, quoting=MoodleExport.quoting).writerows(rows)
    return out.getvalue()


@given(tables)
def test_every_line_is_read_as_itself(rows: list[tuple[str, ...]]) -> None:
    told = [tuple(readable(cell) for cell in row) for row in rows]
    found = moodle.imported(written(told).encode())
    assert found == [[cell.strip() for cell in row] for row in told]
    bare = [tuple(cell.replace("\\ ", "\\") for cell in row) for row in told]
    assert bare == [tuple(cell.replace("\\ ", "\\") for cell in row) for row in rows]


@pytest.mark.skipif(PHP is None, reason="no PHP to compare with")
@settings(max_examples=50, deadline=None)
@given(tables)
def test_the_reader_of_these_tests_reads_as_php_does(rows: list[tuple[str, ...]]) -> None:
    text = written(rows).replace("\r\n", "\n").strip()
    done = subprocess.run(
        [str(PHP), "-r", AS_PHP_DOES], input=json.dumps([text, rows]), text=True, check=True,
        stdout=subprocess.PIPE,
    )  # fmt: skip
    # (Where the last quote is not closed, PHP 8.2 reads one byte more than there is.)
    read, put = json.loads(done.stdout.replace(r"\u0000", ""))
    # (A line with nothing in it PHP calls one cell without a value.)
    assert [[cell or "" for cell in row] for row in read] == moodle.get(text)
    assert put == moodle.put(rows)
