"""nginx, as far as a lesson on networks and volumes goes: static files, a reverse proxy, logs."""
