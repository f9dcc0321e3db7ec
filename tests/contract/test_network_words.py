"""Networks, modes and published ports, word for word on both engines."""

from __future__ import annotations

import socket

import pytest

from tests.contract.harness import free_port
from tests.contract.pairs import Pair
from tests.contract.sidebyside import same

pytestmark = [pytest.mark.docker, pytest.mark.usefixtures("docker_command")]

SCRIPTS: dict[str, str] = {
    "create": r"""
        network create --subnet 10.240.0.0/24 --subnet 10.240.1.0/24 @-n
        network create --subnet 10.240.0.0/24 --subnet 10.240.0.0/25 @-n
        network create --subnet 10.240.0.0/24 --gateway 10.240.0.1 --gateway 10.240.0.2 @-n
        network create --subnet 10.240.0.0/24 --ip-range 10.240.1.0/25 @-n
        network create --ip-range 10.240.1.0/25 @-n
        network create --gateway 10.240.1.1 @-n
        network create --subnet 10.240.0.0/24 --aux-address x @-n
        network create --subnet 10.240.0.0/24 --aux-address a=b @-n
        network create --subnet 10.240.0.0/24 --aux-address a=10.240.9.1 @-n
        network create --subnet 10.240.0.0/32 @-n
        network create --subnet 0.0.0.0/0 @-n
        network create --ipv6 @-n
        network create --ipv6 --subnet fd00:5::1/64 @-n
        network create --ipv6 --subnet fd00:5::/64 --gateway 10.0.0.1 @-n
        network create -d host @-n
        network create -d null @-n
        network create -d none @-n
        network create --scope swarm @-n
        network create --ingress @-n
        network create --config-from nope @-n
        network create --config-only --internal @-n
        network create 'a b' -d bridge
        network rm 'a b'
        network create ''
        network create
        network ls --filter name=@
    """,
    "list and remove": r"""
        network create --label a=1 --label b @-l
        network create --ipam-opt a=b --internal @-i
        network inspect @-l
        network inspect -v @-i
        network inspect -f '{{json .IPAM}}' @-i
        network inspect @-l nope bridge -f '{{.Name}}'
        network inspect nope
        network ls --filter label=a=1 --filter name=@ --format '{{.Name}} {{.Label "a"}}'
        network ls --filter label=b --filter name=@ --format '{{.Name}}'
        network ls --filter label=a --filter label=c --filter name=@ --format '{{.Name}}'
        network ls --filter name=@-l --filter name=@-zzz --format '{{.Name}}'
        network ls --filter driver=bridge --filter driver=host --filter name=^@ --format '{{.Name}}'
        network ls --filter name=@ --format '{{.Name}} {{.IPv6}} {{.Internal}} {{.Scope}}'
        network ls --filter foo=bar
        network ls --filter dangling=x
        network ls --filter id=zzz
        network prune -f --filter foo=bar
        network prune -f --filter label=a=1 --filter label!=b
        network prune -f --filter label=a=1 --filter label=b --filter until=2000-01-01
        network prune -f --filter label=a=1 --filter label=@
        network rm @-l nope @-i
        network rm -f nope
        network rm
        network connect bridge nope
        network disconnect bridge nope
        network connect @-l
        network foo
    """,
    "modes": r"""
        run -d --name @-a alpine sleep 1000
        run -d --name @-none --net none alpine sleep 1000
        exec @-none ip -4 -o addr
        exec @-none ip r
        exec @-none ip route show table all
        exec @-a ip route show table all
        exec @-a ip route show table local
        exec @-a ip r s table cache
        exec @-a ip r s scope host table all
        exec @-a ip -4 r s default
        exec @-a ip r s to match 1.2.3.4
        exec @-a ip r s 172.16.0.0/12
        exec @-a ip r s table nope
        exec @-a ip r s dev
        exec @-a ip r ls
        exec @-a sh -c 'ip -o addr show scope global | sed "s/^[0-9]*//"'
        exec @-a sh -c 'ip a s scope host | sed "s/^[0-9]*//;s/ state [A-Z]*//;s/.if[0-9]*:/:/"'
        exec @-a sh -c 'ip addr show to 127.0.0.0/8 | sed "s/ state [A-Z]*//"'
        exec @-a sh -c 'ip addr show label lo | sed "s/ state [A-Z]*//"'
        exec @-a ip addr show scope nope
        exec @-none route -n
        exec @-none cat /etc/hosts
        exec @-none cat /etc/resolv.conf
        exec @-none ping -c1 127.0.0.1
        run --rm --net none -h box busybox hostname -f
        run --rm --net none -h box busybox dnsdomainname
        run --rm -h box.example.org busybox sh -c 'hostname -f; hostname -d; hostname -s'
        inspect -f '{{json .NetworkSettings.Ports}}' @-none
        network disconnect none @-none
        network create @-n
        network connect @-n @-none
        exec @-none sh -c 'ifconfig lo | head -4'
        run --rm --net none --ip 1.2.3.4 alpine true
        run --rm --net none --network-alias x alpine true
        run --rm --net host --network-alias x alpine true
        run --rm --net host --link @-a alpine true
        run --rm --net host --add-host a:1.2.3.4 alpine grep -c 1.2.3.4 /etc/hosts
        run --rm --net host --hostname foo alpine hostname
        run --rm --net container:@-a --hostname foo alpine true
        run --rm --net container:@-a --dns 1.1.1.1 alpine true
        run --rm --net container:@-a --add-host a:1.1.1.1 alpine true
        run --rm --net container:@-a --link @-none alpine true
        run --rm --net container:@-a --network-alias x alpine true
        run --rm --net container:@-a -p 80:80 alpine true
        run --rm --net container:@-a -P alpine true
        run --rm --net container:@-a --expose 81 alpine true
        run --rm --net container: alpine true
        run --rm --net container:@-self --name @-self alpine true
        run -d --name @-side --net container:@-a alpine sleep 1000
        network connect @-n @-side
        network disconnect bridge @-side
        network connect @-n @-a
        exec @-side sh -c 'ip -4 addr show eth1 | tail -2'
        exec @-side hostname
        inspect -f '{{json .NetworkSettings.Networks}}' @-side
        stop -t 0 @-a
        exec @-side ip r
        restart -t 0 @-side
        start @-a
        restart -t 0 @-side
        exec @-side route -n
        rm -f @-a
        stop -t 0 @-side
        start @-side
        ps -a --filter name=@-side --format '{{.Networks}} {{.Ports}}'
    """,
    "ports": r"""
        run -d --name @-a -p 127.0.0.1:{0}-{3}:80 -p 127.0.0.1:{4}:53/udp -p 127.0.0.2:{4}:81 nginx
        port @-a
        port @-a 80
        port @-a 80/tcp
        port @-a 53/udp
        port @-a 53
        port @-a 99
        port @-a x
        port nope
        ps --filter name=@-a --format '{{.Ports}}'
        run -d --name @-b -p 127.0.0.1:{0}:80 nginx
        run -d --name @-c -p 127.0.0.1:{1}-{2}:8000-8001 nginx
        ps --filter name=@-c --format '{{.Ports}}'
        inspect -f '{{json .NetworkSettings.Ports}}' @-c
        create --name @-d -p 127.0.0.1:{3}:80 --expose 90-92 nginx
        port @-d
        ps -a --filter name=@-d --format '{{.Ports}}'
        inspect -f '{{json .Config.ExposedPorts}} {{json .HostConfig.PortBindings}}' @-d
        run -d --name @-e --expose 81 --expose 90-92 nginx
        ps --filter name=@-e --format '{{.Ports}}'
        run -d --name @-f --net none -p 127.0.0.1:{5}:80 nginx
        ps --filter name=@-f --format '{{.Ports}}'
        port @-f
        run --rm -p {5}:80/foo nginx
        run --rm -p 80:80:80:80 nginx
        run --rm -p abc:80 nginx
        run --rm -p 70000:80 nginx
        run --rm -p 8001-8000:80 nginx
        run --rm -p 8000-8001:80-82 nginx
        run --rm -p localhost:8000:80 nginx
        run --rm --expose 99999 nginx
        run --name @-g -p {5}:80 -p {5}:81 nginx
    """,
    "live": r"""
        network create @-n
        network create @-m
        run -d --name @-s --net @-n -p 127.0.0.1:{0}:80 nginx
        run -d --name @-c --net @-n --net @-m alpine sleep 1000
        exec @-c sh -c 'ip route | sort -k3'
        exec @-c wget -qO- http://@-s/no-such-page
        exec @-c wget -qO- http://@-s:81/
        pause @-s
        exec @-c ping -c1 -w1 @-s
        exec @-c wget -qO- -T1 http://@-s/
        unpause @-s
        network disconnect @-n @-s
        exec @-c wget -qO- -T2 http://@-s/
        port @-s
        inspect -f '{{json .NetworkSettings.Ports}}' @-s
        network connect @-n @-s
        port @-s
        network disconnect @-n @-c
        exec @-c ping -c1 -w1 @-s
        network connect --alias x @-n @-c
        network connect @-n @-c
        inspect -f '{{json .NetworkSettings.Networks}}' @-c
        network disconnect @-m @-c
        network disconnect @-m @-c
        network disconnect -f @-m nope
        network connect --ip 1.2.3.4 @-m @-c
        network connect --ip6 fd00::1 @-m @-c
        network connect --link-local-ip x @-m @-c
        network connect @-m nope
        network disconnect nope @-c
        network rm @-n
        stop -t 0 @-s @-c
        network rm @-n @-m
        start @-c
    """,
}


def free_row(length: int) -> list[int]:
    """Neighbouring ports of the machine that nobody listens on."""
    while True:
        first = free_port()
        row = list(range(first, first + length))
        if all(map(is_free, row)):
            return row


def is_free(port: int) -> bool:
    """Whether nobody listens on that port."""
    with socket.socket() as probe:
        try:
            probe.bind(("0.0.0.0", port))
        except OSError:
            return False
    return True


@pytest.mark.parametrize("name", SCRIPTS)
def test_same_words(pair: Pair, name: str) -> None:
    script = SCRIPTS[name]
    for number, port in enumerate(free_row(6)):
        script = script.replace(f"{{{number}}}", str(port))
    same(pair, script)
