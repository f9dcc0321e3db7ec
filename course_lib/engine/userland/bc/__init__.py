"""``bc`` and ``dc``: decimal numbers of any length."""
