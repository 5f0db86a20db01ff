"""Faults: deliberately broken primitives, each of which a clause must catch."""
