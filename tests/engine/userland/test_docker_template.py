"""Go templates, as far as ``--format`` of the ``docker`` command in a container takes them."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_lib.engine.userland.docker import tables
from course_lib.engine.userland.docker.template import Template, TemplateError

DATA: dict[str, Any] = {
    "Name": "web", "Up": True, "Empty": "", "None": None, "Count": 3, "List": ["a", "b"],
    "Map": {"x": 1, "y": {"z": "deep"}}, "Items": [{"N": "one"}, {"N": "two"}],
}  # fmt: skip


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("plain", "plain"),
        ("{{.Name}}-{{ .Count }}", "web-3"),
        ("{{.Map.y.z}} {{.Map}}", "deep map[x:1 y:map[z:deep]]"),
        ("{{.List}} {{.Up}} {{.None}}", "[a b] true <nil>"),
        ("{{json .Map}} {{json .Name}}", '{"x":1,"y":{"z":"deep"}} "web"'),
        ('{{join .List ", "}}', "a, b"),
        ("{{upper .Name}} {{.Name | upper | lower}}", "WEB web"),
        ('{{len .List}} {{index .List 1}} {{index .Map "x"}}', "2 b 1"),
        ("{{if .Up}}yes{{else}}no{{end}}{{if .Empty}}never{{end}}", "yes"),
        ("{{if .Empty}}a{{else if .Up}}b{{else}}c{{end}}", "b"),
        ("{{range .Items}}{{.N}};{{end}}", "one;two;"),
        ("{{range $k, $v := .Map}}{{$k}}={{json $v}} {{end}}", 'x=1 y={"z":"deep"} '),
        ("{{range $i, $v := .List}}{{$i}}{{$v}}{{$.Name}}{{end}}", "0aweb1bweb"),
        ("{{range .Empty}}x{{else}}none{{end}}", "none"),
        ("{{with .Map}}{{.x}}{{end}}{{with .Empty}}never{{else}}not{{end}}", "1not"),
        ("{{$n := .Name}}{{$n}}!", "web!"),
        ("{{(index .Items 1).N}} {{eq .Count 3}} {{not .Up}}", "two true false"),
        ("a {{- .Name -}} b{{/* said */}}", "awebb"),
        ("{{println .Name}}", "web\n"),
        ('{{printf "%s:%d" .Name .Count}}', "web:3"),
        ('{{`raw`}} {{"quo\\"ted"}}', 'raw quo"ted'),
    ],
)
def test_templates(template: str, text: str) -> None:
    assert Template(template).render(DATA) == text


@pytest.mark.parametrize(
    ("template", "parsing", "message"),
    [
        ("{{.Name", True, "unclosed action"),
        ("{{nope .Name}}", False, 'function "nope" not defined'),
        ("{{if .Up}}x", True, "unexpected EOF"),
        ("{{end}}", True, "unexpected {{end}}"),
        ("{{.Name | }}", False, "missing value for command"),
        ("{{.Nope}}", False, 'map has no entry for key "Nope"'),
        ("{{.Name.Inner}}", False, "can't evaluate field Inner"),
        ("{{index .List 9}}", False, "error calling index"),
        ("{{$x}}", True, "undefined variable"),
    ],
)
def test_what_makes_no_sense_is_refused(template: str, parsing: bool, message: str) -> None:
    with pytest.raises(TemplateError, match=message.replace("{", "\\{").replace("$", "\\$")):
        Template(template).render(DATA)


@given(st.text(alphabet='{}.|()$abN "`-', max_size=30))
def test_no_template_breaks_it(text: str) -> None:
    with contextlib.suppress(TemplateError):
        assert isinstance(Template(text).render(DATA), str)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.4, "Less than a second"), (1, "1 second"), (59, "59 seconds"), (60, "About a minute"),
        (61, "About a minute"), (120, "2 minutes"), (3600, "About an hour"), (7200, "2 hours"),
        (48 * 3600, "2 days"), (15 * 86400, "2 weeks"), (70 * 86400, "2 months"),
        (800 * 86400, "2 years"),
    ],
)  # fmt: skip
def test_durations(seconds: float, text: str) -> None:
    assert tables.duration(seconds) == text


def test_ports_are_shown_as_ranges_where_they_are_alike() -> None:
    entries = [
        {"IP": "0.0.0.0", "PrivatePort": 80, "PublicPort": 8080, "Type": "tcp"},
        {"PrivatePort": 443, "Type": "tcp"},
        {"PrivatePort": 444, "Type": "tcp"},
        {"IP": "0.0.0.0", "PrivatePort": 90, "PublicPort": 90, "Type": "udp"},
    ]
    assert tables.ports(entries) == ("0.0.0.0:90->90/udp, 443-444/tcp, 0.0.0.0:8080->80/tcp")
