#!/bin/sh
# Words that begin with a dash, and a configuration file, are for the server.
set -e

case "${1:-}" in
    -* | *.conf) set -- redis-server "$@" ;;
esac

exec "$@"
