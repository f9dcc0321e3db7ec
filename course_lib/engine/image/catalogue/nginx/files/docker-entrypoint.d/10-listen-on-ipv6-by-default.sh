#!/bin/sh
# Makes the default server listen on IPv6 too, where the container has IPv6 and the file is as
# the image brought it.
set -e
name=10-listen-on-ipv6-by-default.sh
file=/etc/nginx/conf.d/default.conf

say() {
    if [ -z "${NGINX_ENTRYPOINT_QUIET_LOGS:-}" ]; then
        echo "$name: info: $*"
    fi
}

if [ ! -f /proc/net/if_inet6 ]; then
    say "ipv6 not available"
    exit 0
fi
if [ ! -f "$file" ]; then
    say "$file is not a file or does not exist"
    exit 0
fi
if ! touch "$file" 2>/dev/null; then
    say "can not modify $file (read-only file system?)"
    exit 0
fi
if grep -q "listen  *\[::\]:80;" "$file"; then
    say "IPv6 listen already enabled"
    exit 0
fi
sed -i 's/listen  *80;/listen 80;\n    listen [::]:80;/' "$file"
say "Enabled listen on IPv6 in $file"
