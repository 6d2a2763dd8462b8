"""The studio: a page on this machine where a slider moves the real result, and the server behind it."""
