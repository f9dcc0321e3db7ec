#!/bin/bash
# Words that begin with a dash are options of the server.
set -e

if [ "${1:0:1}" = "-" ]; then
    set -- elasticsearch "$@"
fi

exec "$@"
