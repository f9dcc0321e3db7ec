"""The HTTP surface: parses requests, calls the engine, formats answers."""
