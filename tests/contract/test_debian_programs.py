"""Programs of the images that stand on Debian or CentOS: ``timeout`` and ``curl``."""

from __future__ import annotations

import re

from tests.contract.harness import Bench, until

TRY = "Try 'timeout --help' for more information.\n"

LIMITS = {
    "timeout 0.1 sleep 60": (124, ""),
    "timeout -s INT 0.1s sleep 60": (124, ""),
    "timeout -s KILL 1e-1 sleep 60": (137, "Killed\n"),
    "timeout --preserve-status 0.1 sleep 60": (143, ""),
    "timeout -k 0.1 1 sh -c 'trap \"\" TERM; sleep 60'": (137, "Killed\n"),
    "timeout -v 0.1 sleep 60": (124, "timeout: sending signal TERM to command 'sleep'\n"),
    "timeout 0 false": (1, ""),
    "timeout 60 false": (1, ""),
    "timeout 60 sh -c 'kill $$'": (143, "Terminated\n"),
    "timeout 60 nope": (127, "timeout: failed to run command 'nope': No such file or directory\n"),
    "timeout 60 /etc": (126, "timeout: failed to run command '/etc': Permission denied\n"),
    "timeout 60": (125, TRY),
    "timeout x true": (125, f"timeout: invalid time interval 'x'\n{TRY}"),
    "timeout -k x 5 true": (125, f"timeout: invalid time interval 'x'\n{TRY}"),
    "timeout -s FOO 5 true": (125, f"timeout: 'FOO': invalid signal\n{TRY}"),
    "timeout -1 true": (125, f"timeout: invalid option -- '1'\n{TRY}"),
}


def test_timeout_of_the_coreutils(bench: Bench) -> None:
    container = bench.create("c", image="nginx", command=["sleep", "1000"])
    bench.start(container)
    found = {script: bench.sh(container, f"{script}; exit $?") for script in LIMITS}
    assert {script: (it.code, it.err) for script, it in found.items()} == LIMITS


HERE = "http://127.0.0.1/"

CONNECTS = {
    f"{HERE} {HERE}50x.html": "10",
    f"{HERE} http://localhost/ {HERE} http://localhost/": "1100",
    f"{HERE}nope {HERE}": "10",
    f"-f {HERE}nope {HERE}": "11",
    f"-H 'Connection: close' {HERE} {HERE}": "11",
    f"-I {HERE} {HERE}": "10",
    f"-L {HERE}folder {HERE}": "10",
}


def test_curl_uses_a_connection_again(bench: Bench) -> None:
    web = bench.run("web", image="nginx")
    until(lambda: bench.sh(web, f"curl -sf {HERE}").code == 0)
    folder = "/usr/share/nginx/html/folder"
    assert bench.sh(web, f"mkdir {folder}; echo page > {folder}/index.html").code == 0

    def connects(words: str) -> str:
        shown = bench.sh(web, f"curl -4 -s -o /dev/null -w 'made=%{{num_connects}} ' {words}").out
        return "".join(re.findall(r"made=(\d+)", shown))

    assert {words: connects(words) for words in CONNECTS} == CONNECTS
