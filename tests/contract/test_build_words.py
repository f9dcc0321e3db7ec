"""``docker build`` says the same, word for word, on both engines; so does the history."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.contract.builds import build, tar
from tests.contract.harness import Bench, Result
from tests.contract.pairs import Pair, normal

pytestmark = pytest.mark.docker

FILES: dict[str, str | bytes] = {
    "a.txt": "one\n",
    "b.txt": "two\n",
    "dir/d.txt": "d\n",
    "dir/sub/s.txt": "s\n",
    "t.tar": tar({"intar": "tar\n"}),
}


@dataclass(frozen=True)
class Case:
    """A Dockerfile and the query of its build."""

    dockerfile: str
    params: dict[str, Any] = field(default_factory=dict)


CASES: dict[str, Case] = {
    "variables": Case(
        """
        ARG V=1
        ARG W=2
        FROM alpine AS base
        ARG V
        ARG X=${V}x
        ENV E=$V F="a b" G=$W
        ENV OLD style value
        RUN echo "$V $X $E $F $G $HTTP_PROXY $OLD"
        FROM base
        ARG V
        RUN echo "$V-$X-$E"
        """,
        {"buildargs": {"V": "9", "HTTP_PROXY": "p"}},
    ),
    "settings": Case(
        """
        FROM alpine
        LABEL a=b "c d"=e f='g h'
        MAINTAINER me <me@example.com>
        EXPOSE 80 53/udp 8000-8002
        VOLUME /data ["/x"]
        VOLUME ["/v1", "/v2"]
        USER nobody
        CMD echo $E
        ENTRYPOINT ["sh", "-c"]
        STOPSIGNAL SIGTERM
        HEALTHCHECK --interval=5s --timeout=1m30s --retries=3 CMD ["true", "x"]
        HEALTHCHECK NONE
        SHELL ["/bin/sh", "-ec"]
        ONBUILD RUN echo triggered
        WORKDIR /a
        WORKDIR b
        """
    ),
    "substitutions": Case(
        """
        FROM scratch
        ENV x=abc.tar.gz
        LABEL s="${x%.gz} ${x%%.*} ${x#*.} ${x##*.} ${x/a/b} ${n:-def} ${x:+alt} \\$x" t='$x'
        """
    ),
    "copies": Case(
        """
        FROM scratch
        COPY a.txt b.txt /ab/
        COPY dir /d/
        COPY d?r/*.txt *.txt /g/
        COPY --chown=1000:1001 dir /own
        ADD t.tar /t/
        ADD ["a.txt", "/with space/"]
        WORKDIR /w
        COPY b.txt ./
        """
    ),
    "continued": Case(
        """
        # escape=`
        # syntax=docker/dockerfile:1
        FROM alpine
        RUN echo a `
          # comment
          b `

          c
        ENV x=`$y
        """
    ),
    "exit code": Case("FROM alpine\nRUN echo before; exit 3\nRUN true\n"),
    "not found": Case("FROM alpine\nRUN no-such-program\n"),
    "exec form": Case('FROM alpine\nRUN ["no-such-program", "x"]\n'),
    "error output": Case("FROM alpine\nRUN echo oops >&2\n"),
    "nobody": Case("FROM alpine\nUSER ghost\nRUN id\n"),
    "no such network": Case("FROM alpine\nRUN true\n", {"networkmode": "no-such-network"}),
    "unused arguments": Case("FROM alpine\nARG X\n", {"buildargs": {"Z": "1", "Y": "2"}}),
    "labels": Case("FROM alpine\n", {"labels": {"x": "y", "a": "b c"}}),
    "target": Case(
        "FROM alpine AS one\nLABEL a=b\nFROM alpine AS two\nRUN false\n", {"target": "ONE"}
    ),
    "no target": Case("FROM alpine AS one\n", {"target": "two"}),
    "only a base": Case("FROM alpine\n"),
    "only scratch": Case("FROM scratch\n"),
    "force rm": Case("FROM alpine\nRUN exit 9\n", {"forcerm": "1"}),
    "keep": Case("FROM alpine\nENV a=b\n", {"rm": "0"}),
    "quiet failure": Case("FROM alpine\nRUN echo hi; exit 4\n", {"q": "1"}),
    "here-document": Case("FROM alpine\nRUN cat <<EOF\nnot read\nEOF\nENV a=b\n"),
    "copied here-document": Case("FROM alpine\nCOPY <<EOF /x\nnot read\nEOF\n"),
    "open here-document": Case("FROM alpine\nRUN cat <<EOF\n"),
    "mount": Case("FROM alpine\nRUN --mount=type=cache,target=/x true\n"),
    "run network": Case("FROM alpine\nRUN --network=none true\n"),
    "chmod": Case("FROM alpine\nCOPY --chmod=755 a.txt /\n"),
    "chown ghost": Case("FROM alpine\nCOPY --chown=ghost a.txt /\n"),
    "chown group": Case("FROM alpine\nCOPY --chown=0:ghost a.txt /\n"),
    "missing source": Case("FROM alpine\nCOPY nofile /\n"),
    "missing sources": Case("FROM alpine\nCOPY nothing* /x/\n"),
    "outside": Case("FROM alpine\nCOPY ../a /x/\n"),
    "no directory": Case("FROM alpine\nCOPY a.txt b.txt /nodir\n"),
    "URL": Case("FROM alpine\nCOPY http://localhost/x /x\n"),
    "stage number": Case("FROM alpine\nCOPY --from=9 a /x/\n"),
    "this stage": Case("FROM alpine\nCOPY --from=0 a /x/\n"),
    "missing in stage": Case("FROM alpine\nCOPY --from=busybox /nofile /x/\n"),
    "workdir is a file": Case("FROM alpine\nWORKDIR /etc/passwd\n"),
    "workdir required": Case("FROM alpine\nWORKDIR ${x?need x}\n"),
    "bad substitution": Case("FROM alpine\nWORKDIR ${x\n"),
    "blank base": Case("FROM $NONE\n"),
    "bad port": Case("FROM alpine\nEXPOSE 99999999\n"),
    "bad protocol": Case("FROM alpine\nEXPOSE 80/xyz\n"),
    "bad signal": Case("FROM alpine\nSTOPSIGNAL NOPE\n"),
}
"""What is built, or fails on the way."""

REFUSED: dict[str, str] = {
    "unknown": "FRM alpine\n",
    "unknown later": "FROM alpine\n\nRUN true\nCOPPY a b\n",
    "no stage": "RUN true\n",
    "comments only": "# nothing\n",
    "empty": "",
    "one argument": "FROM alpine\nCOPY a\n",
    "one for add": "FROM alpine\nADD a\n",
    "unknown flag": "FROM alpine\nCOPY --form=alpine /nofile /x/\n",
    "flag twice": "FROM alpine\nCOPY --from=a --from=b /nofile /x/\n",
    "flag without value": "FROM alpine\nCOPY --from /nofile /x/\n",
    "env alone": "FROM alpine\nENV a\n",
    "env half": "FROM alpine\nENV a=b c\n",
    "env blank": "FROM alpine\nENV =b\n",
    "label nothing": "FROM alpine\nLABEL\n",
    "arg blank": "FROM alpine\nARG =b\n",
    "number in JSON": 'FROM alpine\nCMD ["a", 1]\n',
    "shell form": "FROM alpine\nSHELL /bin/sh -c\n",
    "workdir nothing": "FROM alpine\nWORKDIR\n",
    "user nothing": "FROM alpine\nUSER\n",
    "volume nothing": "FROM alpine\nVOLUME\n",
    "volume blank": 'FROM alpine\nVOLUME [" "]\n',
    "expose nothing": "FROM alpine\nEXPOSE\n",
    "onbuild nothing": "FROM alpine\nONBUILD\n",
    "onbuild from": "FROM alpine\nONBUILD FROM x\n",
    "onbuild onbuild": "FROM alpine\nONBUILD ONBUILD RUN x\n",
    "health nothing": "FROM alpine\nHEALTHCHECK\n",
    "health unit": "FROM alpine\nHEALTHCHECK --interval=1 CMD true\n",
    "health short": "FROM alpine\nHEALTHCHECK --interval=1us CMD true\n",
    "health unknown": "FROM alpine\nHEALTHCHECK FOO true\n",
    "health no command": "FROM alpine\nHEALTHCHECK CMD\n",
    "health none": "FROM alpine\nHEALTHCHECK NONE x\n",
    "health retries": "FROM alpine\nHEALTHCHECK --retries=-1 CMD true\n",
    "stage name": "FROM alpine AS 1x\n",
    "from three": "FROM alpine x\n",
    "escape": "# escape=x\nFROM alpine\n",
    "escape twice": "# escape=`\n# escape=`\nFROM alpine\n",
}
"""What is refused before the first step."""


def _text(dockerfile: str) -> str:
    return re.sub(r"^ {8}", "", dockerfile.removeprefix("\n"), flags=re.M)


def _play(bench: Bench, case: Case) -> Any:
    built = build(bench, _text(case.dockerfile), FILES, **case.params)
    # What a program writes at once may come in several pieces.
    words = normal(Result(built.status, built.text.replace("\x1b[0m\x1b[91m", ""))).out
    steps = len(re.findall(r"---> Running in| : (?:COPY|ADD) ", built.text))
    history, config = [], {}
    if built.image and steps:
        rows = bench.raw.get(f"/images/{built.image}/history").json()[:steps]
        history = [
            (normal(Result(0, row["CreatedBy"])).out, row["Comment"], row["Id"] == "<missing>")
            for row in rows
        ]
        config = bench.raw.get(f"/images/{built.image}/json").json()["Config"]
        config["Image"] = bool(config["Image"])
    return built.status, words, built.code, history, config


@pytest.mark.parametrize("name", CASES)
def test_build(pair: Pair, name: str) -> None:
    theirs, ours = pair.on_both(lambda bench: _play(bench, CASES[name]))
    assert ours == theirs


@pytest.mark.parametrize("name", REFUSED)
def test_refused_dockerfile(pair: Pair, name: str) -> None:
    theirs, ours = pair.on_both(lambda bench: build(bench, REFUSED[name], FILES))
    assert theirs.status in (400, 500)
    assert ours == theirs
