"""The three ways in which a model, or a question about one, can be wrong.

Both messages are written for the person who wrote the model: what happened, in which action and variable, and what to
change. Engines never answer a question that they cannot read exactly; they raise `Unsupported`, so that a proof is
never claimed for a weaker question.
"""


class ModelError(Exception):
    """A model is malformed: the message names the model, the action (or invariant) and the variable."""


class OutOfBounds(ModelError):
    """A step gives a bounded integer a value outside of its bounds: the search cannot go on, and says so."""


class Unsupported(ModelError):
    """An engine cannot express something exactly (a queue order in a counter abstraction, say); use another engine for
    it.
    """
