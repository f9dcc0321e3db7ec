"""What BusyBox's awk on the host cannot be asked: mathematics, and programs that must not hurt."""

from __future__ import annotations

import asyncio

import pytest

from tests.engine.userland.conftest import Box


@pytest.mark.parametrize(
    ("program", "text"),
    [
        ("BEGIN { print 2^10, 2**3, -2^2, 2^3^2 }", "1024 8 -4 512"),
        ("BEGIN { x = 3; x ^= 2; print x, x++, ++x, x-- }", "9 9 11 11"),
        ("BEGIN { print sqrt(16), exp(0), int(-3.9), atan2(0, -1) }", "4 1 -3 3.14159"),
        ("BEGIN { print and(12, 10), or(12, 10), xor(12, 10), lshift(1, 4) }", "8 14 6 16"),
        ('BEGIN { printf "%s %d %5.1f|%-4s|%c\\n", "a", 4.9, 2.25, "x", 66 }', "a 4   2.2|x   |B"),
        ('BEGIN { print length("\u00e9t\u00e9"), toupper("\u00e9") }', "3 \u00c9"),
        ('BEGIN { CONVFMT = "%.2f"; x = 3.14159 ""; print x }', "3.14"),
        ("BEGIN { print 1e300 * 1e300, -1e300 * 1e300 }", "inf -inf"),
    ],
)
async def test_values(box: Box, program: str, text: str) -> None:
    code, out, err = await box.run("awk", program)
    assert (code, out, err) == (0, f"{text}\n", "")


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("BEGIN { print 1/0 }", "Division by zero"),
        ("BEGIN { f() }", "Call to undefined function"),
        ("{ print ", "Unexpected token"),
        ('BEGIN { print "open }', "Unexpected end of string"),
        ("BEGIN { print $(-1) }", "Access to negative field"),
        ("BEGIN { x ~ /(/ }", "bad regex"),
        ("function f(n) { return f(n + 1) } BEGIN { f(0) }", "nest too deep"),
        ("BEGIN { print " + "(" * 5000 + "1" + ")" * 5000 + " }", "nests too deep"),
    ],
)
async def test_errors_are_one_line(box: Box, program: str, message: str) -> None:
    code, out, err = await box.run("awk", program)
    assert (code, out) == (1, "")
    assert err.startswith("awk: ")
    assert message in err
    assert err.count("\n") == 1


async def test_an_endless_program_can_be_killed(box: Box) -> None:
    async with asyncio.timeout(60):
        code, _, _ = await box.run("timeout", "0.05", "awk", "BEGIN { while (1) x++ }")
    assert code == 143
