"""The public calls: each command of the command line is a thin twin of one of these."""
