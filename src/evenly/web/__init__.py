"""The studio: its local server and its page."""
