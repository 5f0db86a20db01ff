"""The simulated loop, the explorer, and everything that a person meets of treadle."""
