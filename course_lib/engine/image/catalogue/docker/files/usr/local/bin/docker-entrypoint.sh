#!/bin/sh
set -e
# A first word that is no program, but a subcommand or an option, goes to the client.
if [ "${1#-}" != "$1" ] || ! command -v "$1" >/dev/null 2>&1; then
    set -- docker "$@"
fi
exec "$@"
