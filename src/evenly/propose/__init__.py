"""A recipe proposed by looking at data: inputs, a look at them, guesses with reasons, strata, YAML, questions."""
