"""What each primitive may do: transition systems, and the engines that explore them.

Begin with `models` (`family`, `specification`) and pick an engine: `explicit` (all states), `bmc` (shortest schedules
by z3), `proofs` (every size), `refinement` (code against a model). Nothing is imported here, because z3 takes a while
and most callers need one engine.
"""
