"""Images of one's own: names that move, lists by filter, what may be removed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.builds import build
from tests.contract.harness import Bench


def made(bench: Bench, label: str = "x", **params: Any) -> str:
    """Builds an image of the test's own and gives its ID."""
    return build(bench, f"FROM alpine\nLABEL test={bench.prefix} which={label}\n", **params).image


def listed(bench: Bench, **filters: list[str]) -> list[str]:
    """IDs of the test's own images in ``GET /images/json``."""
    given = {"label": [f"test={bench.prefix}"], **filters}
    rows = bench.raw.get("/images/json", params={"filters": given}).json()
    return [row["Id"] for row in rows]


def test_an_image_whose_name_moves_on_is_dangling(bench: Bench) -> None:
    name = bench.image_name()
    old, new = made(bench, "1", t=name), made(bench, "2", t=name)
    assert listed(bench, dangling=["true"]) == [old]
    assert listed(bench, dangling=["false"]) == [new]
    assert listed(bench, label=[f"test={bench.prefix}", "which=1"]) == [old]
    image = bench.raw.get(f"/images/{old}/json").json()
    assert (image["RepoTags"], image["RepoDigests"]) == ([], [])
    filters = {"label": [f"test={bench.prefix}"]}
    pruned = bench.raw.post("/images/prune", params={"filters": filters}).json()
    assert {"Deleted": old} in pruned["ImagesDeleted"]
    assert listed(bench) == [new]


def test_older_and_newer_ones(bench: Bench) -> None:
    one, two, three = (made(bench, word, t=bench.image_name(word)) for word in "abc")
    assert set(listed(bench)) == {one, two, three}
    assert listed(bench, before=[bench.name("b")]) == [one]
    assert listed(bench, since=[bench.name("b")]) == [three]
    assert listed(bench, since=[one], before=[three]) == [two]
    assert set(listed(bench, reference=[f"{bench.prefix}-[ab]"])) == {one, two}
    answer = bench.raw.get("/images/json", params={"filters": {"before": ["no-such-image"]}})
    assert (answer.status, answer.message) == (404, "No such image: no-such-image:latest")


def test_an_image_in_use_is_not_removed(bench: Bench) -> None:
    name = bench.image_name()
    image = made(bench, t=name)
    container = bench.create(image=name, command=["sleep", "1000"])
    short, user = image.removeprefix("sha256:")[:12], container[:12]
    answer = bench.raw.delete(f"/images/{name}")
    assert (answer.status, answer.message) == (
        409,
        f'conflict: unable to remove repository reference "{name}" (must force) - container '
        f"{user} is using its referenced image {short}",
    )
    bench.start(container)
    answer = bench.raw.delete(f"/images/{image}", params={"force": "1"})
    assert (answer.status, answer.message) == (
        409,
        f"conflict: unable to delete {short} (cannot be forced) - image is being used by running "
        f"container {user}",
    )
    answer = bench.raw.delete(f"/images/{name}", params={"force": "1"})
    assert answer.json() == [{"Untagged": f"{name}:latest"}]
    assert bench.inspect(container)["Image"] == image


def test_an_image_with_several_names(bench: Bench) -> None:
    one, two = bench.image_name("one"), bench.image_name("two")
    image = made(bench, t=(one, two))
    short = image.removeprefix("sha256:")[:12]
    answer = bench.raw.delete(f"/images/{image}")
    assert (answer.status, answer.message) == (
        409,
        f"conflict: unable to delete {short} (must be forced) - image is referenced in multiple "
        "repositories",
    )
    assert bench.raw.delete(f"/images/{one}").json() == [{"Untagged": f"{one}:latest"}]
    removed = bench.raw.delete(f"/images/{two}").json()
    assert removed[0] == {"Untagged": f"{two}:latest"}
    assert {"Deleted": image} in removed


def test_an_image_that_others_stand_on(bench: Bench) -> None:
    base = bench.image_name("base")
    parent = made(bench, t=base)
    child = build(bench, f"FROM {base}\nENV a=b\n", t=bench.image_name("child")).image
    short = parent.removeprefix("sha256:")[:12]
    answer = bench.raw.delete(f"/images/{parent}", params={"force": "1"})
    assert (answer.status, answer.message) == (
        409,
        f"conflict: unable to delete {short} (cannot be forced) - image has dependent child images",
    )
    assert bench.raw.delete(f"/images/{base}").json() == [{"Untagged": f"{base}:latest"}]
    removed = bench.raw.delete(f"/images/{bench.name('child')}").json()
    assert [line["Deleted"] for line in removed if line.get("Deleted") in (parent, child)] == [
        child,
        parent,
    ]


def test_parents_are_kept_where_that_is_asked_for(bench: Bench) -> None:
    built = build(bench, "FROM alpine\nENV a=b\nENV c=d\n", t=bench.image_name())
    parent = bench.raw.get(f"/images/{built.image}/json").json()["Parent"]
    removed = bench.raw.delete(f"/images/{built.image}", params={"noprune": "1"}).json()
    assert {"Deleted": parent} not in removed
    assert bench.raw.get(f"/images/{parent}/json").status == 200


def test_the_same_content_is_stored_once(bench: Bench) -> None:
    """Two images with one layer between them."""
    one = build(bench, "FROM scratch\nCOPY a /\nLABEL x=1\n", {"a": bench.prefix}).image
    two = build(bench, "FROM scratch\nCOPY a /\nLABEL x=2\n", {"a": bench.prefix}).image
    layers = [bench.raw.get(f"/images/{image}/json").json()["RootFS"] for image in (one, two)]
    assert layers[0] == layers[1]
    bench.raw.delete(f"/images/{one}", params={"force": "1"})
    name = bench.image_name()
    again = build(bench, f"FROM alpine\nCOPY --from={two} /a /a\nRUN cat /a\n", t=name)
    assert f"\n{bench.prefix}" in again.text


def test_search_refuses_what_it_does_not_know(bench: Bench) -> None:
    params = {"term": "x", "filters": {"colour": ["red"]}}
    answer = bench.raw.get("/images/search", params=params)
    assert (answer.status, answer.message) == (400, "invalid filter 'colour'")


@pytest.mark.parametrize("name", ["no-such-image", "no-such-image:tag"])
def test_history_of_nothing(bench: Bench, name: str) -> None:
    answer = bench.raw.get(f"/images/{name}/history")
    full = name if ":" in name else f"{name}:latest"
    assert (answer.status, answer.message) == (404, f"No such image: {full}")
