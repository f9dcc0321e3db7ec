"""Names in detail: forms of a question, kinds of records, order of answers, and the files."""

from __future__ import annotations

import re

import pytest

from tests.contract.harness import Bench, Result, until


@pytest.fixture(scope="module")
def street(shelf: Bench) -> Bench:
    """``one`` and ``two`` behind one alias on ``dev``, and who asks."""
    dev = shelf.network("dev")
    for word in ("one", "two"):
        alias = {"EndpointsConfig": {dev: {"Aliases": ["shared", f"only_{word}", "a.b.c"]}}}
        shelf.on(dev, word, NetworkingConfig=alias, Hostname=f"host-{word}")
    shelf.on(dev, "probe")
    return shelf


def ask(bench: Bench, name: str, kind: str = "a", word: str = "probe") -> Result:
    return bench.sh(bench.name(word), f"nslookup -type={kind} {name}")


def answers(result: Result) -> list[str]:
    """Addresses in the order of the answer."""
    return re.findall(r"^Address: (\S+)$", result.out.partition("\n\n")[2], re.M)


def address(bench: Bench, word: str) -> str:
    return bench.address(bench.name(word), bench.name("dev"))


def test_the_order_of_answers_changes(street: Bench) -> None:
    both = {address(street, "one"), address(street, "two")}
    seen = set()

    def both_orders() -> bool:
        found = answers(ask(street, "shared"))
        if set(found) == both:
            seen.add(tuple(found))
        return len(seen) == 2

    until(both_orders, 60)


def test_everybody_behind_an_alias_is_reached(street: Bench) -> None:
    """Whoever asks anew each time comes to both: that is the round robin of the lesson."""
    wanted = {address(street, "one"), address(street, "two")}
    seen: set[str] = set()

    def all_seen() -> bool:
        out = street.sh(street.name("probe"), "ping -c1 -w2 shared").out
        seen.update(re.findall(r"PING shared \(([^)]+)\)", out))
        return seen == wanted

    until(all_seen, 60)


@pytest.mark.parametrize(
    "form", ["only_one", "ONLY_ONE", "only_one.", "only_one.DEV", "only_one.DEV."]
)
def test_forms_of_a_name(street: Bench, form: str) -> None:
    name = form.replace("DEV", street.name("dev"))
    assert answers(ask(street, name)) == [address(street, "one")]


def test_a_name_may_have_dots(street: Bench) -> None:
    for name in ("a.b.c", f"a.b.c.{street.name('dev')}"):
        assert set(answers(ask(street, name))) == {address(street, w) for w in ("one", "two")}


@pytest.mark.parametrize("kind", ["aaaa", "mx"])
def test_a_known_name_without_such_a_record(street: Bench, kind: str) -> None:
    """An empty answer, not "no such name": programs do not look elsewhere."""
    result = ask(street, "only_one", kind)
    assert result.code == 0
    assert result.out.endswith("Non-authoritative answer:\n\n")


def test_hostnames_are_names_too(street: Bench) -> None:
    assert answers(ask(street, "host-one")) == [address(street, "one")]
    assert street.sh(street.name("one"), "ping -c1 -w2 host-one").code == 0


def test_reverse_of_an_alias_is_the_name(street: Bench) -> None:
    one = address(street, "one")
    pointer = ".".join(reversed(one.split("."))) + ".in-addr.arpa"
    for question in (one, f"-type=ptr {pointer}"):
        out = street.sh(street.name("probe"), f"nslookup {question}").out
        assert f"{pointer}\tname = {street.name('one')}.{street.name('dev')}\n" in out


def test_server_of_nslookup(street: Bench) -> None:
    for server in ("127.0.0.11", "127.0.0.11:53"):
        result = street.sh(street.name("probe"), f"nslookup -type=a only_one {server}")
        assert result.out.startswith(f"Server:\t\t{server}\nAddress:\t127.0.0.11:53\n\n")
        assert answers(result) == [address(street, "one")]


def test_the_first_network_that_knows_a_name_answers(bench: Bench) -> None:
    """Networks are asked one after the other; which comes first is the container's default one."""
    found = []
    for word in ("a", "b"):
        network = bench.network(word)
        alias = {"EndpointsConfig": {network: {"Aliases": ["db"]}}}
        found.append(
            bench.address(bench.on(network, f"db-{word}", NetworkingConfig=alias), network)
        )
    both = bench.on(bench.name("b"), "both")
    bench.connect(bench.name("a"), both)
    assert answers(ask(bench, "db", word="both")) == found[:1]
    bench.disconnect(bench.name("a"), both)
    assert answers(ask(bench, "db", word="both")) == found[1:]


def test_addresses_by_name_in_centos(street: Bench) -> None:
    """glibc asks the same resolver, and ping tells the name that the address has."""
    container = street.on(street.name("dev"), "centos", image="centos")
    result = street.sh(container, "ping -c1 -w2 only_one")
    one = address(street, "one")
    name = f"{street.name('one')}.{street.name('dev')}"
    assert result.out.startswith(f"PING only_one ({one}) 56(84) bytes of data.\n")
    assert f"64 bytes from {name} ({one}): icmp_seq=1 ttl=64 time=" in result.out
    assert (
        street.sh(container, "hostname -I").out
        == f"{street.address(container, street.name('dev'))} \n"
    )


# The files ----------------------------------------------------------------------------------


def test_hostname_and_domain(bench: Bench) -> None:
    script = "hostname; hostname -f; hostname -s; hostname -d; dnsdomainname; cat /etc/hostname"
    container = bench.run("c", Hostname="box", Domainname="example.org")
    assert bench.sh(container, script).out.split() == [
        *("box", "box.example.org", "box", "example.org", "example.org", "box")
    ]
    line = f"{bench.address(container, 'bridge')}\tbox.example.org box\n"
    assert bench.sh(container, "cat /etc/hosts").out.endswith(line)
    assert bench.sh(container, "cat /proc/sys/kernel/domainname").out == "example.org\n"
    whole = bench.run("d", Hostname="box.example.org")
    assert bench.sh(whole, script).out.split() == [
        *("box.example.org", "box.example.org", "box", "example.org", "example.org"),
        "box.example.org",
    ]
    assert bench.sh(whole, "cat /proc/sys/kernel/domainname").out == "(none)\n"


def test_a_hostname_that_is_too_long(bench: Bench) -> None:
    container = bench.create("c", Hostname="a" * 65)
    answer = bench.raw.post(f"/containers/{container}/start")
    assert answer.status == 500
    assert answer.message == (
        "failed to create task for container: failed to create shim task: OCI runtime create "
        "failed: runc create failed: unable to start container process: error during container "
        "init: sethostname: invalid argument: unknown"
    )


def test_host_gateway(bench: Bench) -> None:
    """The default bridge's gateway, on every network."""
    host = {"ExtraHosts": ["host.docker.internal:host-gateway", "v6:::1"]}
    for container in (bench.run(host=host), bench.on(bench.network(), "c", host=host)):
        text = bench.sh(container, "cat /etc/hosts").out
        assert "172.17.0.1\thost.docker.internal\n::1\tv6\n" in text


def test_edited_files(bench: Bench) -> None:
    """Lines in hosts stay until the next start; an edited resolv.conf is left alone."""
    name = bench.network()
    container = bench.run("c")
    bench.sh(container, "echo '192.0.2.9 added' >>/etc/hosts; echo '# mine' >>/etc/resolv.conf")
    bench.connect(name, container)
    text = bench.sh(container, "cat /etc/hosts /etc/resolv.conf").out
    assert "192.0.2.9 added\n" in text
    assert text.endswith("# mine\n")
    assert "127.0.0.11" not in text
    bench.raw.post(f"/containers/{container}/restart", params={"t": "0"})
    text = bench.sh(container, "cat /etc/hosts /etc/resolv.conf").out
    assert "added" not in text
    assert "nameserver 127.0.0.11\n" in text


def test_where_the_files_are(bench: Bench) -> None:
    found = bench.inspect(bench.run("c"))
    for key, name in (
        ("HostnamePath", "hostname"),
        ("HostsPath", "hosts"),
        ("ResolvConfPath", "resolv.conf"),
    ):
        assert found[key].endswith(f"/containers/{found['Id']}/{name}")
