"""One module per resource of the Docker Engine API."""
