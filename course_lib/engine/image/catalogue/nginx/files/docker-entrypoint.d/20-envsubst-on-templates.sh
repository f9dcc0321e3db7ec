#!/bin/sh
# Fills environment variables into /etc/nginx/templates/*.template and puts the result in conf.d.
set -e
name=20-envsubst-on-templates.sh
from="${NGINX_ENVSUBST_TEMPLATE_DIR:-/etc/nginx/templates}"
suffix="${NGINX_ENVSUBST_TEMPLATE_SUFFIX:-.template}"
to="${NGINX_ENVSUBST_OUTPUT_DIR:-/etc/nginx/conf.d}"

[ -d "$from" ] || exit 0
if [ ! -w "$to" ]; then
    echo "$name: ERROR: $from exists, but $to is not writable"
    exit 0
fi
for template in "$from"/*"$suffix"; do
    [ -e "$template" ] || continue
    file="${template##*/}"
    result="$to/${file%"$suffix"}"
    [ -n "${NGINX_ENTRYPOINT_QUIET_LOGS:-}" ] || echo "$name: Running envsubst on $template to $result"
    envsubst "$(env | sed -e 's/=.*//' -e 's/^/$/' | tr '\n' ' ')" <"$template" >"$result"
done
