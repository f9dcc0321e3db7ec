#!/bin/sh
set -e
# Words that start with a dash, or a configuration file, are for the server.
case "${1:-}" in
    -* | *.conf) set -- redis-server "$@" ;;
esac
if [ "$1" = redis-server ]; then
    # There is no init to protect a server that anybody on the network may use.
    # (The old releases know no such protection.)
    case "$(redis-server --version)" in
        *v=2.* | *v=3.0*) ;;
        *) set -- "$@" --protected-mode no --bind '* -::*' ;;
    esac
fi
exec "$@"
