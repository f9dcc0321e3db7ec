"""``docker cp`` and ``docker diff``, word for word on both engines."""

from __future__ import annotations

import pytest

from tests.contract.pairs import Pair
from tests.contract.sidebyside import same

pytestmark = [pytest.mark.docker, pytest.mark.usefixtures("docker_command")]

SCRIPTS: dict[str, str] = {
    "in": """
        ! mkdir -p dir/sub; echo one > one; echo two > dir/two; ln -s two dir/ln; chmod 640 one
        run -d --name @-c -v @-v:/vol alpine sleep 1000
        cp %/one @-c:/
        cp %/one @-c:/renamed
        cp %/one @-c:/ghost/x
        cp %/one @-c:/ghost/
        cp %/one @-c:/etc/
        cp %/one @-c:/etc/passwd/
        cp %/one @-c:/etc/passwd/x
        cp %/dir @-c:/
        cp %/dir @-c:/other
        cp %/dir @-c:/other
        cp %/dir/. @-c:/third
        cp %/dir @-c:/one
        cp %/ghost @-c:/
        cp %/one @-c:/vol/one
        cp %/one ghost:/x
        cp %/one %/two
        cp @-c:/one @-c:/two
        exec @-c sh -c 'ls -l /one /renamed /etc/one | cut -c1-10'
        exec @-c sh -c 'find /dir /other /third /vol | sort'
        exec @-c ln -s /etc /lnketc
        exec @-c ln -s ../../../../../etc /lnkup
        cp %/one @-c:/lnketc
        cp %/one @-c:/lnkup/two
        exec @-c sh -c 'ls /etc/one /etc/two'
        ! tar cf - one dir | docker cp - @-c:/ghost
        ! tar cf - one dir | docker cp - @-c:/tmp
        ! tar czf - one | docker cp - @-c:/tmp
        ! echo nonsense | docker cp - @-c:/tmp
        ! docker cp - @-c:/tmp < /dev/null
        ! tar cPf - ../$(basename $PWD)/one | docker cp - @-c:/tmp 2>&1 | cut -c1-33
        exec @-c sh -c 'find /tmp | sort'
        stop -t 0 @-c
        cp %/one @-c:/stopped
        ! docker cp @-c:/stopped - | tar xOf -
        rm @-c
    """,
    "out": """
        run -d --name @-c -v @-v:/vol alpine sleep 1000
        exec @-c sh -c 'mkdir -p /d/e; echo f > /d/f; ln -s f /d/l; chmod 600 /d/f; echo v > /vol/v'
        exec @-c sh -c 'ln -s /etc/passwd /lnk; ln -s /ghost /broken; ln -s ../../../etc /up'
        cp @-c:/d %/copy
        ! find copy | sort; ls -l copy/f | cut -c1-10
        cp @-c:/d %/copy
        cp @-c:/d/. %/flat
        ! find copy flat | sort
        cp @-c:/d/f %/file
        cp @-c:/d %/file
        cp @-c:/d %/ghost/x
        cp @-c:/ghost %/
        cp @-c:/etc/passwd/x %/
        cp @-c:/vol/v %/v
        cp @-c:/lnk %/lnk
        cp -L @-c:/lnk %/followed
        cp @-c:/broken %/broken
        cp -L @-c:/broken %/broken2
        cp @-c:/up/hostname %/up
        cp @-c:d/f %/relative
        ! ls -l | cut -c1-10
        ! docker cp @-c:/d - | tar tf - | sort
        ! docker cp @-c:/d/. - | tar tf - | sort
        cp @-c:/proc/cpuinfo %/x
        cp @-c:/dev/null %/x
        cp -a @-c:/d/f %/archived
        ! cat archived; find . -name x
    """,
    "read-only": """
        ! echo one > one
        run -d --name @-c --read-only -v @-v:/rw -v @-v:/ro:ro alpine sleep 1000
        cp %/one @-c:/x
        cp %/one @-c:/ro/x
        cp %/one @-c:/rw/x
        exec @-c cat /ro/x
        cp %/one @-c:/tmp/x
        ! docker diff @-c | sort
    """,
    "diff": """
        run --name @-a alpine true
        diff @-a
        run --name @-b alpine sh -c 'echo x > /new; rm /etc/alpine-release; echo >> /etc/passwd'
        ! docker diff @-b | sort
        run --name @-c alpine sh -c 'mkdir -p /a/b/c; rm -r /home; mkdir /home; touch /home/h'
        ! docker diff @-c | sort
        run --name @-d -v @-v:/v/w alpine touch /v/w/x
        ! docker diff @-d | sort
        run --name @-e alpine sh -c 'touch /x; rm /x; chmod 700 /root; mv /etc/passwd /etc/moved'
        ! docker diff @-e | sort
        diff @-ghost
    """,
    "diff of what is as it was": """
        run --name @-a alpine sh -c 'chmod 644 /etc/passwd; chown 0 /etc/group'
        diff @-a
        run --name @-b alpine sh -c 'ln /etc/passwd /etc/hard; ln -s a /etc/soft; mkfifo /etc/p; \
            mv /etc/group /etc/g2'
        ! docker diff @-b | sort
        run --name @-c alpine sh -c 'rm -rf /home; mkdir /home'
        ! docker diff @-c | sort
        run --name @-d alpine sh -c 'touch /etc; mkdir /etc/x; rmdir /etc/x'
        ! docker diff @-d | sort
        run --name @-e alpine sh -c 'rm /etc/passwd; mkdir /etc/passwd; touch /etc/passwd/x'
        ! docker diff @-e | sort
        run --name @-f alpine sh -c 'cp -p /etc/passwd /tmp/p; rm /etc/passwd; \
            cp -p /tmp/p /etc/passwd; chmod 600 /etc/group'
        ! docker diff @-f | sort
        run --name @-g alpine sh -c 'echo >> /etc/passwd; chown 5:6 /root; chmod 700 /mnt'
        ! docker diff @-g | sort
    """,
    "mounted": """
        ! mkdir src; echo s > src/s; echo one > one
        run -d --name @-c -v @-v:/v -v %/src:/b:ro -v %/one:/one:ro --tmpfs /t alpine sleep 1000
        exec @-c sh -c 'echo t > /t/t; ln -s /b /v/tob; ln -s /t /v/tot'
        cp %/one @-c:/v/
        cp %/one @-c:/b/
        cp %/src @-c:/b
        cp %/one @-c:/one
        cp %/src @-c:/one
        cp %/one @-c:/etc/hosts
        cp %/one @-c:/t/
        cp %/one @-c:/v/tob/
        cp %/one @-c:/v/tot/
        cp @-c:/t/t %/t
        cp @-c:/b %/bb
        cp @-c:/v %/vv
        ! find bb vv | sort
        exec @-c ls /t /v
        ! docker export @-c | tar tf - | grep -E '^(v|b|one|t)(/|$)' | sort
    """,
}  # fmt: skip


@pytest.mark.parametrize("name", SCRIPTS)
def test_archive_words(pair: Pair, name: str) -> None:
    same(pair, SCRIPTS[name])
