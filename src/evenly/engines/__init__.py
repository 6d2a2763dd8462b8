"""Engines: where the map over pieces runs."""
