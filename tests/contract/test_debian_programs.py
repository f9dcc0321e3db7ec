"""Programs of the images that stand on Debian or CentOS: GNU's tools, ``timeout``, ``curl``."""

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


GNU = {
    "seq 6 | sed -n '0~3p;2~4s/$/!/p'": "2!\n3\n6\n6!\n",
    "echo abcabc | sed 's/b/X/2g; s/a/\\U&/'": "AbcaXc\n",
    "printf 'a\\nb\\n' | sed -z 's/\\n/,/g'": "a,b,",
    "printf 'a\\tb\\n' | sed -n l": "a\\tb$\n",
    "sed -s -n '$=' /tmp/one /tmp/two": "2\n1\n",
    "echo a:b:c | cut -d: -f2 --complement --output-delimiter=-": "a-c\n",
    "grep -r --include=on* b /tmp": "/tmp/one:b\n",
    "cd /tmp; grep -rl c": "two\n",
    "printf '1\\n3\\n2\\n' | sort --numeric-sort --reverse": "3\n2\n1\n",
    "printf '1\\n01\\n' | sort -nu": "1\n",
    "seq 0 0.1 0.3": "0.0\n0.1\n0.2\n0.3\n",
    "echo aGk= | base64 --decode": "hi",
    "stat --format=%s /tmp/two": "2\n",
    "cd /tmp; touch -d 2001-01-01 old; mv -u old two; cat two; ls old": "c\nold\n",
    "cd /tmp; cp --preserve=mode old new; ls new": "new\n",
    "echo a | tr z-a x || echo wrong": "wrong\n",
    "cut -f0 /tmp/one || echo wrong": "wrong\n",
    "sed -n '{p' /tmp/one || echo wrong": "wrong\n",
}


def test_options_of_gnu_alone(bench: Bench) -> None:
    container = bench.run("c", image="nginx")
    bench.sh(container, "printf 'a\\nb\\n' > /tmp/one; echo c > /tmp/two")
    assert {script: bench.sh(container, f"{script} 2>/dev/null").out for script in GNU} == GNU


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
