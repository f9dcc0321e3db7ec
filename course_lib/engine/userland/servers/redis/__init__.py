"""Redis: our own front end, files and log around the commands of fakeredis."""
