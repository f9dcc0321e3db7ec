"""``docker run`` with mounts, and what containers see of them, word for word on both engines."""

from __future__ import annotations

import pytest

from tests.contract.pairs import Pair
from tests.contract.sidebyside import same

pytestmark = [pytest.mark.docker, pytest.mark.usefixtures("docker_command")]

SCRIPTS: dict[str, str] = {
    "volumes": r"""
        run --rm -v /d alpine sh -c 'grep -c " /d " /proc/mounts; ls -ld /d | cut -c1-10'
        run --rm -v rel/path:/d alpine true
        run --rm -v @-v:rel alpine true
        run --rm -v @-v:/ alpine true
        run --rm -v @-v:/d:ro alpine touch /d/x
        run --rm -v @-v:/d:rw,z alpine touch /d/x
        run --rm -v @-v:/d:ro,rw alpine true
        run --rm -v @-v:/d:nocopy alpine ls /d
        run --rm -v @-v:/d:rshared alpine true
        run --rm -v @-v:/d -v @-w:/d/ alpine true
        run --rm -v @-v:/x/../e alpine ls /e
        run --rm -v @-v:/d --mount type=volume,src=@-w,dst=/d alpine true
        run --rm --mount type=volume,src=@-v,dst=/d,readonly alpine touch /d/y
        run --rm --mount type=volume,dst=/d alpine touch /d/x
        run --rm --mount type=volume,dst=/d,readonly alpine true
        run --rm --mount src=@-v,dst=/d,volume-nocopy,volume-driver=local alpine ls /d
        run --rm --mount src=@-y,dst=/d,volume-label=a=b,volume-opt=type=tmpfs,\
volume-opt=device=tmpfs,volume-opt=o=size=64k alpine sh -c 'df -k /d | tail -1'
        volume inspect @-y --format '{{json .Labels}} {{json .Options}}'
        run --rm --mount src=@-z,dst=/d,volume-opt=foo=bar alpine true
        run --rm --mount type=ghost,src=@-v,dst=/d alpine true
        run --rm --mount src=@-v alpine true
        run --rm --mount src=@-v,dst=/d,bind-propagation=private alpine true
    """,
    "nested": """
        run --rm -v @-1:/d -v @-2:/d/sub -v @-3:/d/sub/deep alpine sh -c 'touch /d/1 /d/sub/deep/3'
        run --rm -v @-3:/d/sub/deep -v @-2:/d/sub -v @-1:/d alpine sh -c 'find /d | sort'
        run --rm -v @-1:/d alpine sh -c 'find /d | sort'
        run --rm -v @-1:/d:ro -v @-2:/d/sub alpine sh -c 'touch /d/sub/w; find /d | sort; touch \
            /d/q'
        run --rm -v @-1:/d -v @-1:/e alpine sh -c 'touch /d/both; ls /e; mv /d/both /d/moved; ls /e'
        run --rm -v @-1:/d -v @-2:/e alpine sh -c 'ln /d/moved /e/hard; mv /d/moved /e/ && ls /e'
        run --rm -v @-4:/var/lib/some/where alpine sh -c 'touch /var/lib/some/where/x; find \
            /var/lib/some'
        run --rm --tmpfs /d -v @-1:/d/v alpine sh -c 'touch /d/x; find /d | sort'
        run --rm -v @-1:/etc/ghost/a:ro --read-only alpine ls /etc/ghost/a
    """,
    "binds": """
        ! mkdir dir; echo hello > one
        run --rm -v %/dir:/d alpine touch /d/made
        ! ls dir
        run --rm -v %/dir:/d:ro alpine touch /d/x
        run --rm -v %/dir:/d:z alpine ls /d
        run --rm -v %/dir:/d:cached alpine ls /d
        run --rm -v %/dir:/d:rprivate alpine ls /d
        run --rm -v %/dir:/d:nocopy alpine true
        run --rm -v %/dir:/d:z,Z alpine true
        run --rm -v %/one:/etc/motd:ro alpine sh -c 'cat /etc/motd; echo x > /etc/motd'
        run --rm -v %/one:/etc/motd alpine sh -c 'echo x >> /etc/motd; rm /etc/motd; mv \
            /etc/motd /x'
        ! cat one
        run --rm -v %/one:/new/file alpine cat /new/file
        run --rm -v %/new/sub:/d alpine ls -A /d
        ! ls -ld new/sub | cut -c1-10
        run --rm -v %/dir/../dir:/d alpine ls /d
        run --rm --mount type=bind,src=%/ghost,dst=/d alpine true
        run --rm --mount type=bind,dst=/d alpine true
        run --rm --mount type=bind,src=tmp,dst=/d alpine true
        run --rm --mount type=bind,src=%/dir,dst=d alpine true
        run --rm --mount type=bind,src=%/dir,dst=/ alpine true
        run --rm --mount type=bind,src=%/dir,dst=/d,bind-propagation=bad alpine true
        run --rm --mount type=bind,src=%/dir,dst=/d,bind-propagation=rprivate alpine ls /d
        run --rm --mount type=bind,src=%/dir,dst=/d,bind-nonrecursive alpine ls /d
        run --rm --mount type=bind,src=%/dir,dst=/d,consistency=delegated alpine ls /d
        run --rm --mount type=bind,src=%/dir,dst=/d,readonly alpine touch /d/x
        run --rm --mount type=bind,src=%/dir,dst=/d,volume-nocopy alpine true
        run --rm -v %/dir:/d alpine sh -c 'ln -s ../one /d/up; ln -s /etc/hostname /d/abs; cat \
            /d/up; \
            ls /d/abs'
    """,
    "memory": """
        run --rm --mount type=tmpfs,dst=/d,tmpfs-size=1000000,tmpfs-mode=700 alpine sh -c \
            'ls -ld /d | cut -c1-10; df -k /d; grep " /d " /proc/mounts'
        run --rm --mount type=tmpfs,dst=/d,tmpfs-size=64k alpine sh -c \
            'dd if=/dev/zero of=/d/f bs=4k count=20 2>&1 | head -1; wc -c < /d/f'
        run --rm --mount type=tmpfs,src=x,dst=/d alpine true
        run --rm --mount type=tmpfs,dst=/d,ro alpine touch /d/x
        run --rm --tmpfs /d:size=64k,mode=1770,uid=5,gid=6 alpine sh -c \
            'ls -lnd /d | cut -c1-30; grep " /d " /proc/mounts'
        run --rm --tmpfs /d:ro alpine touch /d/x
        run --rm --tmpfs /d:rw,noexec,nosuid,size=65536k alpine grep " /d " /proc/mounts
        run --rm --tmpfs /d alpine sh -c 'echo "#!/bin/sh" > /d/x; chmod 755 /d/x; /d/x'
        run --rm --tmpfs /d:exec alpine sh -c 'echo "#!/bin/sh" > /d/x; chmod 755 /d/x; /d/x'
        run --rm --tmpfs /d:bad alpine true
        run --rm --tmpfs d alpine true
        run --rm --tmpfs / alpine true
        run --rm --tmpfs /etc alpine ls /etc
        run -d --name @-c --tmpfs /d alpine sleep 1000
        exec @-c touch /d/f
        exec @-c ls /d
        restart -t 0 @-c
        exec @-c ls -A /d
        run --rm --shm-size 64k alpine sh -c 'df -k /dev/shm; grep shm /proc/mounts; ls -ld \
            /dev/shm \
            | cut -c1-10; dd if=/dev/zero of=/dev/shm/x bs=64k count=2 2>&1 | head -1'
        run --rm alpine df -k /dev/shm
        run --rm --ipc none alpine ls /dev/shm
        run --rm --storage-opt size=1G alpine true
    """,
    "volumes-from": """
        run -d --name @-a -v /anon -v @-named:/named -v %:/host:ro --tmpfs /memory alpine sleep 1000
        run --rm --volumes-from @-a alpine sh -c 'touch /named/x /anon/x; touch /host/x; ls -d \
            /memory'
        run --rm --volumes-from @-a:ro alpine touch /named/y
        run --rm --volumes-from @-a:bad alpine true
        run --rm --volumes-from @-ghost:ro alpine true
        run --rm --volumes-from @-a -v @-other:/named alpine ls -A /named
        run --rm --volumes-from @-a --tmpfs /named alpine ls -A /named
        run --rm --volumes-from @-a -v /anon alpine ls /anon
        exec @-a ls /anon /named
        run -d --name @-b --volumes-from @-a alpine sleep 1000
        rm -fv @-a
        exec @-b ls /anon
        rm -fv @-b
        volume ls -q --filter name=@
    """,
    "subpath": """
        run --rm -v @-v:/v alpine sh -c 'mkdir -p /v/sub/deep; ln -s /etc /v/abs; ln -s ../.. /v/up'
        run --rm -v @-v:/v alpine sh -c 'ln -s sub/deep /v/rel; echo text > /v/file'
        run --rm --mount src=@-v,dst=/m,volume-subpath=sub alpine sh -c 'ls /m; touch /m/made'
        run --rm --mount src=@-v,dst=/m,volume-subpath=sub,readonly alpine touch /m/x
        run --rm --mount src=@-v,dst=/m,volume-subpath=rel alpine touch /m/through
        run --rm --mount src=@-v,dst=/m,volume-subpath=file alpine cat /m
        run --rm --mount src=@-v,dst=/m,volume-subpath=ghost alpine true
        run --rm --mount src=@-v,dst=/m,volume-subpath=abs alpine true
        run --rm --mount src=@-v,dst=/m,volume-subpath=up alpine true
        run --rm --mount src=@-v,dst=/m,volume-subpath=../x alpine true
        run --rm --mount src=@-v,dst=/m,volume-subpath=. alpine ls /m
        run --rm --mount dst=/m,volume-subpath=x alpine true
        run --rm -v @-v:/v alpine sh -c 'find /v | sort'
    """,
    "names": """
        run --rm -v @-v:/d alpine sh -c 'cd /d; mkdir Case case; touch "sp ace" -- -dash; ls'
        run --rm -v @-v:/d alpine sh -c 'cd /d; touch $(head -c 255 /dev/zero | tr "\\0" n) && \
            echo ok'
        run --rm -v @-v:/d alpine sh -c 'cd /d; touch $(head -c 256 /dev/zero | tr "\\0" n); rm n*'
        run --rm -v @-v:/d alpine sh -c 'cd /d; touch "$(printf "\\377x")"; ls | tail -1 | od \
            -c | head -1'
        run --rm -v @-v:/d alpine sh -c 'cd /d; echo a > x; ln x y; echo b >> y; cat x; stat -c \
            %h x; rm x'
        run --rm -v @-v:/d alpine sh -c 'cd /d; chown 1234:56 y; chmod 4755 y; ls -ln y | cut \
            -c1-26'
        run --rm -v @-v:/d alpine sh -c 'mv /d/y /tmp/; ls -ln /tmp/y | cut -c1-26; mkfifo \
            /d/p; stat -c %F /d/p'
        run --rm -v @-v:/d/in alpine sh -c 'rm -r /d; ls -d /d /d/in'
        run --rm alpine sh -c 'rm -r /home; mkdir /home; ls -A /home; rm -r /root; ls -d /root'
    """,
    "read-only": """
        run --rm --read-only alpine sh -c 'touch /x; mkdir /y; rm /etc/passwd; echo > /etc/passwd'
        run --rm --read-only alpine sh -c 'touch /dev/shm/x && echo shm; echo > /etc/hosts; ln \
            -s a /l'
        run --rm --read-only alpine sh -c 'mv /etc/passwd /q; chmod 700 /etc/passwd; touch /proc/x'
        run --rm --read-only -v @-v:/data -v /anon --tmpfs /tmp alpine sh -c \
            'touch /data/x /anon/x /tmp/x && echo ok; touch /new'
        run --rm --read-only -v @-v:/not/there alpine sh -c 'touch /not/there/x && echo ok'
        run --rm --read-only -v @-v:/data:ro alpine touch /data/y
        run --rm --read-only alpine sh -c 'grep " / " /proc/mounts | cut -d" " -f3,4 | cut -c1-10'
    """,
    "refused": """
        run --rm -v : alpine true
        run --rm -v @-v: alpine true
        run --rm -v :/d alpine true
        run --rm -v @-v:/d:ro:rw alpine true
        run --rm -v @-v:/d: alpine true
        run --rm -v @-v:/d:bad alpine true
        run --rm -v @-v:/d:RO alpine true
        run --rm -v @-v:/d:copy alpine true
        run --rm -v @-v:/d:consistent alpine true
        run --rm -v @-v:/d:shared alpine true
        run --rm -v ./rel:/d alpine true
        run --rm -v ../rel:/d alpine true
        run --rm -v @-a/b:/d alpine true
        run --rm -v @-v:/.. alpine true
        run --rm --mount alpine true
        run --rm --mount '' alpine true
        run --rm --mount type=volume alpine true
        run --rm --mount type=volume,source=@-v,target= alpine true
        run --rm --mount type=volume,source=@-v,target=d alpine true
        run --rm --mount type=volume,source=/x,target=/d alpine true
        run --rm --mount type=volume,source=a/b,target=/d alpine true
        run --rm --mount type=volume,source=@-v,target=/d,ghost=1 alpine true
        run --rm --mount type=volume,source=@-v,target=/d,readonly=maybe alpine true
        run --rm --mount type=volume,src=@-v,dst=/d,tmpfs-size=1 alpine true
        run --rm --mount type=tmpfs,dst=/d,volume-nocopy alpine true
        run --rm --mount type=tmpfs,dst=/d,tmpfs-size=x alpine true
        run --rm --mount type=tmpfs,dst=/d,tmpfs-size=-1 alpine true
        run --rm --mount type=tmpfs,dst=/d,tmpfs-mode=999 alpine true
        run --rm --mount type=tmpfs alpine true
        run --rm --mount type=bind,src=,dst=/d alpine true
        run --rm --mount type=npipe,src=@-v,dst=/d alpine true
        run --rm --mount type=cluster,src=@-v,dst=/d alpine true
        run --rm --mount type=image,src=alpine,dst=/d alpine true
        run --rm --mount type=volume,src=@-v,dst=/d --mount type=volume,src=@-w,dst=/d alpine true
        run --rm --mount type=bind,src=%,dst=/d -v @-w:/d alpine true
        run --rm --tmpfs /d --mount type=tmpfs,dst=/d alpine true
        run --rm --tmpfs /d -v /d alpine true
        run --rm --tmpfs /d -v @-v:/d alpine true
        run --rm --tmpfs '' alpine true
        run --rm --volumes-from '' alpine true
        run --rm --volumes-from @-none alpine true
        run --rm --volumes-from : alpine true
    """,
    "memory's options": r"""
        run --rm --tmpfs /a:mode=1777,uid=0,gid=0 --tmpfs /b:mode=17777 --tmpfs /c:uid=0x10 \
            --tmpfs /d:size=0x100000 --tmpfs /e:size=1e --tmpfs /f:nr_inodes=1k \
            --tmpfs /g:mpol=local --tmpfs /h:size=64k,nr_blocks=1 --tmpfs /j:suid,dev,exec \
            --tmpfs /i:noatime,async,diratime \
            --tmpfs /k:sync,dirsync,nodiratime --tmpfs /l:strictatime --tmpfs /root --tmpfs /tmp \
            --tmpfs /m:size=0,nr_inodes=0 --mount type=tmpfs,dst=/n,tmpfs-mode=0 alpine \
            sh -c 'grep -E "^tmpfs /([a-n]|root|tmp) " /proc/mounts | sort; echo x > /m/x'
        run --rm --tmpfs /d:nr_inodes=4,nr_blocks=2 alpine sh -c 'mkdir /d/a; touch /d/b; \
            ln /d/b /d/c; touch /d/e; ln -s x /d/l; rm /d/b; ln -s x /d/l; rm -r /d/a; touch /d/f; \
            dd if=/dev/zero of=/d/f bs=4096 count=4 2>&1 | head -1; ls /d; df -k /d'
        ! docker run --rm --tmpfs /d:mode=999 alpine true 2>&1 | grep -o 'invalid argument.*'
        ! docker run --rm --tmpfs /d:uid=-1 alpine true 2>&1 | grep -o 'invalid argument.*'
        ! docker run --rm --tmpfs /d:size=09 alpine true 2>&1 | grep -o 'invalid argument.*'
        ! docker run --rm --tmpfs /d:mpol=bad alpine true 2>&1 | grep -o 'invalid argument.*'
        volume create --opt type=tmpfs --opt device=x --opt o=bad=1 @-bad
        run --rm -v @-bad:/d alpine true
        volume create --opt type=tmpfs --opt device=x --opt o=uid=1000,nr_inodes=3,ro @-ro
        run --rm -v @-ro:/d alpine sh -c 'touch /d/x; grep " /d " /proc/mounts'
    """,
    "paths of the kernel": r"""
        ! docker run --rm -v @-v:/proc alpine true 2>&1 | grep -o 'cannot be mounted.*'
        ! docker run --rm -v @-v:/proc/x alpine true 2>&1 | grep -o 'cannot be mounted.*'
        ! docker run --rm --tmpfs /proc alpine true 2>&1 | grep -o 'cannot be mounted.*'
        run --rm --tmpfs /sys/fs alpine ls /sys/fs
        run --rm alpine grep -E ' /(proc/(bus|fs|irq|sys)|sys/firmware) ' /proc/mounts
        run --rm alpine sh -c 'echo x > /proc/sys/kernel/domainname; ls -A /sys/firmware'
        run --rm --privileged alpine sh -c 'grep -cE " /(proc/.*|sys/firmware) " /proc/mounts'
        run --rm --security-opt systempaths=unconfined alpine grep -cE ' /proc/.* ' /proc/mounts
        ! mkdir 'a b'; printf x > 'a	c'
        run --rm -v '%/a b:/x y' -v '%/a	c:/q\\r' alpine \
            sh -c 'grep -Eo " /(x|q)[^ ]* " /proc/mounts | sort'
        run --rm -v '%/a b:/x y' alpine sh -c 'cut -d" " -f4,5 /proc/self/mountinfo | grep " /x"'
        ! docker run --rm -v @-w:/d alpine touch /d/x
        ! docker run --rm -v @-w:/etc/passwd alpine true 2>&1 | grep -o 'not a directory: unknown.*'
        ! docker run --rm -v @-empty:/etc/passwd alpine true 2>&1 | grep -o 'is not directory'
    """,
}  # fmt: skip


@pytest.mark.parametrize("name", SCRIPTS)
def test_mounts_words(pair: Pair, name: str) -> None:
    same(pair, SCRIPTS[name])
