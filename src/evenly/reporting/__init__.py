"""What a person reads: terminal, progress, dataset card."""
