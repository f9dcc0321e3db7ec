"""An embedded Docker Engine: the API, networks, volumes and containers, without privilege."""
