"""Networks, endpoints, addresses, names and published ports."""
