"""The phases of a run, each composing core, io and engine."""
