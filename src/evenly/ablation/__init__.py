"""Ablations: small proxy models trained on variants of a recipe, measured on tests that no variant ever saw.

`sets` and `contest` draw what is trained and tested on, `features` and `proxies` make models of it (`fits`), `metrics`
measures them, `verdict` says what that shows and what it can't (`told`); `run` is all of it, `tune` searches by it.
"""
