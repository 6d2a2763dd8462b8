"""What this machine has of what Evenly needs: doctor."""

from __future__ import annotations

from evenly.flow.health import Health, look_around


def doctor(*, hub: bool = False) -> Health:
    """Look at this machine: Python, libraries, hashes, tokenizer, cache, disk, memory, extras, the Hub's token.

    Nothing is asked of the network, unless `hub` says so. `Health.sound` says whether nothing is broken; each finding
    says what to do.
    """
    return look_around(hub=hub)
