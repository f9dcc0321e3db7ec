"""``getent``, ``drill``, ``dig`` and ``host``: Debian's on dockerd, ours on the embedded engine."""

from __future__ import annotations

import os
import re

import pytest

from tests.contract.addressing import subnet
from tests.contract.harness import Bench
from tests.contract.pairs import Pair

pytestmark = pytest.mark.docker

TOOLS = "course-test/dnstools"
GETENT = (
    "getent hosts one",
    "getent hosts one ghost; echo $?",
    "getent hosts ghost; echo $?",
    "getent hosts shared | sort",
    "getent hosts {one}",
    "getent hosts {nobody}; echo $?",
    "getent hosts localhost",
    "getent hosts $(hostname)",
    "getent hosts",
    "getent ahosts one",
    "getent ahostsv4 one",
    "getent ahostsv6 one; echo $?",
    "getent ahostsv4 shared | wc -l",
    "getent ahosts localhost",
    "getent ahostsv6 localhost; echo $?",
    "getent ahosts ip6-localhost",
    "getent ahosts ::1; echo $?",
    "getent ahosts 127.0.0.1",
    "getent passwd root",
    "getent ghosts; echo $?",
    "getent; echo $?",
)
QUESTIONS = (
    "drill one",
    "drill aaaa one",
    "drill one @127.0.0.11 a",
    "drill -Q one",
    "drill -x {one}",
    "drill -t {backwards} ptr",
    "drill ghost",
    "dig one",
    "dig one aaaa",
    "dig ghost",
    "dig -x {one}",
    "dig @127.0.0.11 one",
    "dig +short one",
    "dig +short ghost; echo $?",
    "dig +short -x {one}",
    "dig +short one one",
    "dig +noall +answer one",
    "dig +noall +answer -x {one}",
    "dig +nocomments +nostats one",
    "dig one @127.0.0.1; echo $?",
    "dig +short one @127.0.0.1",
    "dig one @10.9.9.9",
    "dig one @ghost; echo $?",
    "dig -z; echo $?",
    "host one; echo $?",
    "host -t a one",
    "host -t mx one; echo $?",
    "host -t aaaa one",
    "host -t foo one; echo $?",
    "host one 127.0.0.1; echo $?",
    "host one ghost; echo $?",
    "host one {one}; echo $?",
    "host -z; echo $?",
    "host; echo $?",
    "host {one}",
    "host ghost; echo $?",
    "host -t a one 127.0.0.11",
)
VARIABLE = (
    (r"id: \d+", "id: N"),
    (r"WHEN: .*", "WHEN:"),
    (r"Query time: \d+", "Query time: N"),
    (r"DiG \S+", "DiG VERSION"),
    (r"rcvd: \d+", "rcvd: N"),
)


def town(bench: Bench) -> str:
    """A network without a way out, where nobody can be asked for other names, and who is on it.

    Its addresses are the same on both engines.
    """
    pool = {"Config": [{"Subnet": str(subnet(bench))}]}
    network = bench.network(Internal=True, IPAM=pool)
    for word, alias in (("one", "one"), ("a", "shared"), ("b", "shared")):
        aliases = {"EndpointsConfig": {network: {"Aliases": [alias]}}}
        bench.on(network, word, NetworkingConfig=aliases)
    return network


def said(bench: Bench, container: str, scripts: tuple[str, ...]) -> dict[str, str]:
    """What each script prints, all of them run by one shell (an exec of dockerd is dear)."""
    one = bench.address(bench.name("one"), bench.name("net"))
    places = {
        "one": one,
        "nobody": one.rpartition(".")[0] + ".99",
        "backwards": ".".join(reversed(one.split("."))) + ".in-addr.arpa",
    }
    each = "( {} ) 2>/tmp/said; echo; cat /tmp/said; echo %%"
    whole = "\n".join(each.format(script.format(**places)) for script in scripts)
    result = bench.sh(container, whole)
    assert (result.code, result.err) == (0, "")
    text = result.out
    for pattern, word in (*VARIABLE, (container[:12], "HOSTNAME")):
        text = re.sub(pattern, word, text)
    return dict(zip(scripts, text.split("%%\n"), strict=False))


def tools(bench: Bench, network: str) -> str:
    """A container with Debian's programs.

    Skips without their image; that is a failure under ``CI``.
    """
    if bench.raw.get(f"/images/{TOOLS}/json").status != 200:
        reason = f"no image {TOOLS}: python -m tests.images --host {bench.engine.docker_host}"
        if os.environ.get("CI"):
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    return bench.on(network, "tools", image=TOOLS, command=["sleep", "1000"])


def test_getent_of_glibc(pair: Pair) -> None:
    def work(bench: Bench) -> dict[str, str]:
        network = town(bench)
        ours = bench.engine.name == "embedded"
        container = bench.on(network, "tools", image="centos") if ours else tools(bench, network)
        return said(bench, container, GETENT)

    theirs, ours = pair.on_both(work)
    assert len(ours) == len(GETENT)
    assert ours == theirs


def test_programs_that_ask_a_server(pair: Pair) -> None:
    def work(bench: Bench) -> dict[str, str]:
        network = town(bench)
        if bench.engine.name == "dockerd":
            return said(bench, tools(bench, network), QUESTIONS)
        container = bench.run("tools")
        added = bench.sh(container, "apk add --no-cache drill bind-tools")
        assert added.code == 0, added.out
        assert bench.disconnect("bridge", container).status == 200
        assert bench.connect(network, container).status == 200
        return said(bench, container, QUESTIONS)

    theirs, ours = pair.on_both(work)
    assert len(ours) == len(QUESTIONS)
    assert ours == theirs
