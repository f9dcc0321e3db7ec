"""What was expected beside what was found: as facts, and as a picture."""

from __future__ import annotations

import json
from collections.abc import Iterator
from xml.etree import ElementTree

import pytest

from course_lib.diagrams.shapes import Area, Drawing, Label, Line
from graders.display import as_html, as_svg, as_text, drawn
from graders.expectation import every, met, missed
from graders.result import CheckResult, ExpectationResult, Status
from graders.sketch import Shown, Thing, merged, worth_drawing
from graders.sketch_layout import lay_out_sketch

ROAMER, DEV, BRIDGE = (
    Thing("container", "roamer"), Thing("network", "dev"), Thing("network", "bridge"),
)  # fmt: skip
TOMCAT, LOGS = Thing("container", "tomcat1"), Thing("volume", "logs")
PATH = "/usr/local/tomcat/logs"

SKETCHES: dict[str, tuple[Shown, ...]] = {
    "one missing link": (
        Shown("met", ROAMER), Shown("missing", ROAMER, DEV), Shown("other", ROAMER, BRIDGE),
    ),
    "everything about one": (
        Shown("wrong", TOMCAT, words="from nginx"), Shown("missing", LOGS),
        Shown("missing", TOMCAT, LOGS, PATH), Shown("wrong", TOMCAT, Thing("path", "/srv"), PATH),
        Shown("met", TOMCAT, Thing("memory", "tmpfs"), "/scratch"),
        Shown("missing", TOMCAT, Thing("port", "1234")),
    ),
    "two links between two": (
        Shown("missing", ROAMER, DEV, "10.66.66.66"), Shown("wrong", ROAMER, DEV, "10.66.0.2"),
    ),
    "a container leads to a container": (
        Shown("missing", Thing("container", "sidecar"), Thing("container", "app"), "network stack"),
        Shown("wrong", Thing("container", "app"), words="exited (1)"),
    ),
    "there and back": (Shown("missing", ROAMER, TOMCAT), Shown("missing", TOMCAT, ROAMER)),
    "many and long": tuple(
        Shown("missing", Thing("container", "x" * 60 + str(n % 7)),
              Thing("volume", "v" * 90 + str(n)), "/a" * 60)
        for n in range(30)
    ),
}  # fmt: skip


def measure(text: str, size: float, bold: bool) -> float:
    return len(text) * size * (0.66 if bold else 0.6)


@pytest.fixture(params=list(SKETCHES), ids=lambda name: name.replace(" ", "-"))
def drawing(request: pytest.FixtureRequest) -> Drawing:
    return lay_out_sketch(merged(SKETCHES[request.param]), measure)


def result(status: Status, *facts: Shown) -> CheckResult:
    one = ExpectationResult("It is there.", status == "passed", 1, "it is <not>", "Look.", facts)
    return CheckResult("g", "a", "n", "A title", status, 1, float(status == "passed"), (one,))


def pairs(areas: list[Area]) -> Iterator[tuple[Area, Area]]:
    for number, one in enumerate(areas):
        for other in areas[number + 1 :]:
            yield one, other


def extent(label: Label) -> Area:
    width = measure(label.text, label.size, label.bold) * 0.8
    left = label.x - {"left": 0.0, "center": width / 2, "right": width}[label.align]
    return Area(left, label.y - label.size * 0.4, width, label.size * 0.8)


def test_nothing_covers_anything(drawing: Drawing) -> None:
    areas = [s for s in drawing.shapes if isinstance(s, Area)]
    for one, other in pairs(areas):
        assert not one.overlaps(other), (one, other)
    for one, other in pairs([extent(s) for s in drawing.shapes if isinstance(s, Label)]):
        assert not one.overlaps(other), (one, other)


def test_everything_lies_on_the_sheet(drawing: Drawing) -> None:
    assert drawing.width < 900
    for shape in drawing.shapes:
        area = extent(shape) if isinstance(shape, Label) else shape
        if isinstance(area, Area):
            assert 0 < area.x < area.right < drawing.width
            assert 0 < area.y < area.bottom < drawing.height


@pytest.mark.parametrize("name", list(SKETCHES))
def test_each_link_is_a_line_from_one_thing_to_the_other(name: str) -> None:
    facts = merged(SKETCHES[name])
    shapes = lay_out_sketch(facts, measure).shapes
    lines = [s for s in shapes if isinstance(s, Line) and len(s.points) == 3]
    areas = [s for s in shapes if isinstance(s, Area) and s.role.startswith("thing")]
    ends = [
        tuple(
            next(a.key for a in areas if a.x <= x <= a.right and a.y < y < a.bottom)
            for x, y in (line.points[0], line.points[-1])
        )
        for line in lines
    ]
    assert sorted(ends) == sorted((f.thing.name, f.to.name) for f in facts if f.to)
    dashed = [line for line in lines if line.outline == "dashed"]
    assert len(dashed) == len([f for f in facts if f.to and f.state == "missing"])


def test_states_differ_in_outline_and_sign_not_in_colour_alone() -> None:
    drawing = lay_out_sketch(SKETCHES["everything about one"], measure)
    by_role = {area.role: area for area in drawing.shapes if isinstance(area, Area)}
    assert by_role["thing-missing"].outline == "dashed"
    assert by_role["thing-wrong"].outline == "solid"
    labels = drawing.labels()
    assert "✘ from nginx" in labels
    assert "○ missing" in labels
    assert any(label.startswith("✘ not this") for label in labels)
    assert "✔ /scratch" in labels
    assert {"✔ as expected", "○ expected, not found", "✘ found, not expected"} <= set(labels)


def test_the_worst_that_is_said_of_a_thing_is_shown_once() -> None:
    facts = merged(
        [
            Shown("met", TOMCAT),
            Shown("wrong", TOMCAT, words="from nginx"),
            Shown("other", TOMCAT, LOGS, PATH),
            Shown("met", TOMCAT, LOGS, PATH),
            Shown("other", ROAMER, DEV),
        ]
    )
    assert facts == (
        Shown("wrong", TOMCAT, words="from nginx"), Shown("met", TOMCAT, LOGS, PATH),
        Shown("other", ROAMER, DEV),
    )  # fmt: skip


def test_a_link_of_which_something_is_wrong_is_drawn_once() -> None:
    site = Thing("path", "site")
    can_write = Shown("wrong", TOMCAT, site, "/usr/share/nginx/html, can write")
    met_as_well = Shown("met", TOMCAT, LOGS, PATH)
    facts = merged([Shown("met", TOMCAT, site, "/usr/share/nginx/html"), can_write, met_as_well])
    assert facts == (can_write, met_as_well)


def test_the_legend_explains_what_is_drawn() -> None:
    def legend(*facts: Shown) -> set[str]:
        return {label for label in lay_out_sketch(facts, measure).labels() if "expected" in label}

    # A thing that is there is a plain box; only a link that is there is green.
    assert legend(Shown("missing", ROAMER), Shown("met", DEV)) == {"○ expected, not found"}
    assert legend(Shown("wrong", ROAMER, BRIDGE), Shown("met", ROAMER, DEV)) == {
        "✘ found, not expected", "✔ as expected",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("facts", "worth"),
    [
        ((), False),
        ((Shown("met", ROAMER), Shown("met", ROAMER, DEV)), False),
        ((Shown("missing", ROAMER),), False),  # the words say it all
        ((Shown("missing", ROAMER), Shown("met", DEV)), True),
        ((Shown("missing", ROAMER, DEV),), True),
    ],
)
def test_there_is_a_picture_where_it_tells_more_than_words(
    facts: tuple[Shown, ...], worth: bool
) -> None:
    assert worth_drawing(facts) is worth


def test_findings_hand_their_facts_on() -> None:
    first, second = Shown("met", DEV), Shown("missing", ROAMER, DEV)
    both = met("it is there", first).also(lambda: missed("not on dev", "Join it.", second))
    assert both.shows == (first, second)
    # What waits for another is explained, and drawn, there.
    assert missed("not there", "Make it.", first).then(lambda: both).shows == ()
    assert met("there", first).then(lambda: both) == both


def test_of_facts_that_do_not_wait_for_each_other_all_that_are_missed_are_told() -> None:
    there, gone, lost = (
        met("dev is there", Shown("met", DEV)),
        missed("no roamer", "Make it.", Shown("missing", ROAMER)),
        missed("no logs", "Look for it.", Shown("missing", LOGS)),
    )
    assert every(there, gone, lost) == missed(
        "no roamer; no logs", "Make it.", *there.shows, *gone.shows, *lost.shows
    )
    assert every(there, there).passed


def test_facts_survive_json_and_are_no_part_of_the_contracts_shape() -> None:
    before = result("failed", *SKETCHES["everything about one"])
    document = json.loads(json.dumps(before.to_json(shows=True)))
    assert CheckResult.from_json(document) == before
    plain = before.to_json()["expectations"][0]
    assert list(plain) == ["text", "passed", "points", "found", "hint"]


def test_a_failed_check_shows_the_picture_below_its_table() -> None:
    failed = result("failed", *SKETCHES["one missing link"])
    assert ElementTree.fromstring(as_svg(failed)).tag.endswith("svg")
    html = as_html(failed)
    assert html.index("It is there.") < html.index("data:image/svg+xml")
    assert 'alt="as expected: container roamer' in html
    assert "<img" not in as_text(failed)


@pytest.mark.parametrize("status", ["passed", "error"])
def test_others_have_none(status: Status) -> None:
    one = result(status, *SKETCHES["one missing link"])
    assert drawn(one) == ()
    assert as_svg(one) == ""
    assert "<img" not in as_html(one)


def test_names_out_of_containers_are_escaped() -> None:
    odd = Thing("network", '"><script>$x^2$')
    html = as_html(result("failed", Shown("missing", ROAMER, odd)))
    assert "<script>" not in html
