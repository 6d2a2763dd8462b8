"""Write the references anew: `python -m generate`."""
