"""What the documentation promises, clause by clause, and the faults that each clause must catch."""
