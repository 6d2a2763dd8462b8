"""The recipe: its model, how it is read and checked, and the expressions in it."""
