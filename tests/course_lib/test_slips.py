from __future__ import annotations

import ast

import pytest
from IPython.core.error import UsageError

from course_lib.slips import advice


def raised(cell: str) -> SyntaxError:
    with pytest.raises(SyntaxError) as caught:
        ast.parse(cell)
    return caught.value


@pytest.mark.parametrize(
    ("cell", "line"),
    [
        ("docker ps", "!docker ps"),
        ("port = 80\ndocker run -d -p 8080:80 nginx  \n", "!docker run -d -p 8080:80 nginx"),
        ("$ docker rm -f web", "!docker rm -f web"),
        ("web_port = docker port web 80", "web_port = !docker port web 80"),
        ("docker inspect --format '{{json .Mounts}}' web", "!docker inspect --format '{{json"),
        ("docker exec web sh -c 'echo a; echo b'", "!docker exec web sh -c 'echo a; echo b'"),
        ("curl http://localhost:8080", "!curl http://localhost:8080"),
    ],
)
def test_a_command_without_its_exclamation_mark_is_told(cell: str, line: str) -> None:
    assert f"A line for the shell begins with `!`: `{line}" in advice(cell, raised(cell))


@pytest.mark.parametrize("cell", ["x = = 1", "docker = = 1", "print('docker ps'", "dockers ps"])
def test_a_slip_in_python_is_left_to_python(cell: str) -> None:
    assert advice(cell, raised(cell)) == ""


@pytest.mark.parametrize("address", ["172.17.0.2", "172.17.0.2/16", "3.0.7"])
def test_an_address_without_quotes_is_told(address: str) -> None:
    cell = f"web_address = {address}"
    assert advice(cell, raised(cell)) == f'A text stands in quotes: `web_address = "{address}"`'


def fails(cell: str) -> NameError:
    with pytest.raises(NameError) as caught:
        exec(cell, {"check": print})
    return caught.value


def test_a_word_without_quotes_is_told() -> None:
    cell = "check(publish-any-port)"
    assert advice(cell, fails(cell)) == 'A text stands in quotes: `check("publish-any-port")`'
    cell = "port = 80\nerror_reason = redis"
    assert advice(cell, fails(cell)).endswith('stands in quotes: `error_reason = "redis"`')


@pytest.mark.parametrize("cell", ["x = redis + 1", "print(redis)", "y = redis.port", "check(a)"])
def test_a_name_that_python_misses_elsewhere_is_left_to_python(cell: str) -> None:
    assert advice(cell, fails(cell)) == ""


@pytest.mark.parametrize("cell", ["# mine\n%%sh\ndocker ps", "x = 1\n\n  %%sh\nls"])
def test_a_cell_magic_below_something_is_told(cell: str) -> None:
    missing = UsageError("Line magic function `%%sh` not found.")
    for error in (missing, SyntaxError("invalid syntax")):
        assert advice(cell, error).startswith("`%%sh` has to be the first line of its cell")
    assert advice(cell, ValueError()) == ""


def test_a_cell_without_an_error_needs_no_advice() -> None:
    assert advice("!docker ps", None) == ""
    assert advice("%%shh\nls", UsageError("Cell magic `%%shh` not found.")) == ""
