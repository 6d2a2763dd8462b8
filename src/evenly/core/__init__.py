"""Frames and counts in, frames and counts out: no I/O, no clock, no random state."""
