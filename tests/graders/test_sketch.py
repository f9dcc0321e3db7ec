"""What was expected beside what was found: as facts, and as a picture."""

from __future__ import annotations

import json
from collections.abc import Iterator
from xml.etree import ElementTree

import pytest

from course_lib.diagrams import palette
from course_lib.diagrams.shapes import Area, Drawing, Label, Line
from graders.display import as_html, as_svg, as_text, drawn
from graders.expectation import BLOCKED, Finding, ObservationError, every, met, missed
from graders.result import CheckResult, ExpectationResult, Status
from graders.sketch import STATE_WORDS, Shown, Thing, concise, merged, standing, worth_drawing
from graders.sketch_layout import SIGNS, lay_out_sketch

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
    "every state at once": (
        Shown("met", ROAMER, DEV), Shown("missing", ROAMER, Thing("network", "prod")),
        Shown("other", ROAMER, BRIDGE), Shown("wrong", ROAMER, LOGS, PATH, fault="can write"),
    ),
    "nothing joined": (Shown("missing", ROAMER), Shown("missing", DEV)),
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
    can_write = Shown("wrong", TOMCAT, site, "/usr/share/nginx/html", fault="can write")
    met_as_well = Shown("met", TOMCAT, LOGS, PATH)
    facts = merged([Shown("met", TOMCAT, site, "/usr/share/nginx/html"), can_write, met_as_well])
    assert facts == (can_write, met_as_well)
    # It is the right one: that it is not this would be wrong.
    assert "✘ can write: /usr/share/nginx/html" in lay_out_sketch(facts, measure).labels()


def test_one_mount_is_not_drawn_as_two() -> None:
    mine, there = Thing("path", "config"), Thing("path", "/home/student/docker-course/config")
    can_write = Shown("wrong", TOMCAT, mine, "/config", fault="can write")
    besides = Shown("other", TOMCAT, Thing("volume", "data"), "/data")
    facts = merged([can_write, Shown("other", TOMCAT, there, "/config"), besides])
    assert facts == (can_write, besides)


def test_what_is_there_is_drawn_as_there_and_what_is_missing_as_missing() -> None:
    prod, port = Thing("network", "prod"), Thing("port", "8080")
    facts = (
        Shown("met", DEV), Shown("missing", ROAMER, DEV), Shown("missing", prod),
        Shown("missing", ROAMER, prod), Shown("other", ROAMER, BRIDGE),
        Shown("missing", ROAMER, port),
    )  # fmt: skip
    assert standing(facts) == {
        DEV: "met", ROAMER: "other", prod: "missing", BRIDGE: "other", port: "missing",
    }  # fmt: skip
    areas = {area.key: area for area in lay_out_sketch(facts, measure).shapes
             if isinstance(area, Area) and area.role.startswith("thing")}  # fmt: skip
    assert {key: area.outline for key, area in areas.items()} == {
        "dev": "solid", "roamer": "solid", "bridge": "solid", "prod": "dashed", "8080": "dashed",
    }  # fmt: skip


def test_the_legend_explains_what_is_drawn() -> None:
    def legend(*facts: Shown) -> set[str]:
        return set(lay_out_sketch(facts, measure).labels()) & {
            f"{SIGNS[state]} {words}".strip() for state, words in STATE_WORDS.items()
        }

    # A thing that is there is a plain box; only a link that is there is green.
    assert legend(Shown("missing", ROAMER), Shown("met", DEV)) == {"○ expected, not found"}
    assert legend(Shown("wrong", ROAMER, BRIDGE), Shown("met", ROAMER, DEV)) == {
        "✘ found, not expected", "✔ as expected",
    }  # fmt: skip
    # What only a link that is missing leads to is missing, too.
    assert legend(Shown("other", ROAMER, BRIDGE), Shown("missing", ROAMER, DEV)) == {
        "found besides", "○ expected, not found",
    }  # fmt: skip


def test_every_line_and_outline_is_in_the_legend(drawing: Drawing) -> None:
    lines = [s for s in drawing.shapes if isinstance(s, Line)]
    samples = {(s.colour, s.outline, s.width) for s in lines if len(s.points) == 2}
    assert {(s.colour, s.outline, s.width) for s in lines if len(s.points) == 3} <= samples
    outlines = {(colour, outline) for colour, outline, _ in samples}
    for area in (s for s in drawing.shapes if isinstance(s, Area)):
        plain = (palette.INK, "solid")
        assert (area.edge, area.outline) in {plain, *outlines}


@pytest.mark.parametrize("name", ["one missing link", "nothing joined", "two links between two"])
def test_a_simple_picture_is_narrow_enough_for_half_a_screen(name: str) -> None:
    # 500 px wide, a notebook leaves about 450 within the frame of a panel.
    assert lay_out_sketch(merged(SKETCHES[name]), measure).width < 500


def test_of_a_crowd_that_nobody_asked_for_some_are_shown() -> None:
    nets = [Shown("other", ROAMER, Thing("network", f"n{number}")) for number in range(30)]
    asked = [Shown("missing", ROAMER, Thing("network", f"m{number}")) for number in range(30)]
    facts = concise([*asked, *nets, Shown("other", ROAMER, LOGS, PATH)])
    more = Shown("other", ROAMER, Thing("network", "and 25 more"))
    assert facts == (*asked, *nets[:5], Shown("other", ROAMER, LOGS, PATH), more)
    assert concise(nets[:6]) == tuple(nets[:6])  # one is no crowd


@pytest.mark.parametrize("turned", [False, True], ids=["to one", "from one"])
def test_thirty_links_of_one_thing_run_level(turned: bool) -> None:
    one, many = LOGS, [Thing("container", f"writer-{number}") for number in range(30)]
    facts = [Shown("wrong", *((one, each) if turned else (each, one))) for each in many]
    lines = [s for s in lay_out_sketch(facts, measure).shapes if isinstance(s, Line)]
    slants = [
        abs(line.points[-1][1] - line.points[0][1]) for line in lines if len(line.points) == 3
    ]
    assert len(slants) == 30
    assert max(slants) < 20


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


def test_what_belongs_together_is_drawn_before_it_is_judged() -> None:
    first, second = Shown("missing", DEV), Shown("missing", ROAMER, DEV)
    lost, apart = missed("no dev", "Make it.", first), missed("not on dev", "Join it.", second)
    waiting = lost.then(lambda: apart, drawn=True)
    assert waiting == missed("no dev", BLOCKED, second)
    assert lost.also(lambda: apart, drawn=True) == missed("no dev", "Make it.", first, second)
    assert lost.also(lambda: apart) == lost
    assert met("there").then(lambda: apart, drawn=True) == apart

    def broken() -> Finding:
        raise ObservationError("no answer")

    # That it cannot be drawn is no reason not to judge.
    assert lost.then(broken, drawn=True) == missed("no dev", BLOCKED)
    assert lost.also(broken, drawn=True) == lost


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
