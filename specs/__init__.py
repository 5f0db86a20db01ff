"""What the documentation promises, clause by clause, the evidence for each, and the faults that each must catch."""
