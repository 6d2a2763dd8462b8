"""Write the references anew: `python -m generate`."""

from __future__ import annotations

from generate import pages

if __name__ == "__main__":
    pages.write()
