"""Which functions of the program a step calls, with what, and how they end.

While a trace is recorded, and only inside of its steps, a trace function of the interpreter's (`sys.settrace`) sees every
call, return and exception; line events are off. What is kept are strings: an object of the program that we kept alive
would die at another moment than in the search, and the run could take another way. For the same reason the copies of
local variables, which the interpreter makes for a trace function up to 3.12, are dropped after each step (`observing`).

What the engine and the monitors call is not the program's doing, and left out with everything below it. Of asyncio the
calls that the program makes are shown, and inside of `asyncio.locks` and `asyncio.queues` also what these call.

Refused: `sys.setprofile`, which does not tell which exception ends a call; and clients that say what they do, since
nobody's own code says it.
"""

from __future__ import annotations

import dis
import inspect
import sys
import types
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

from .observing import is_primitive, is_shared, short
from .trace import Call

__all__ = ["RAISED", "CallTracer", "is_engine"]

RAISED = "raises an exception"
"""The result of a call out of which comes what was raised in an earlier step."""

_MOST = 60  # calls of one step that are kept
_GENERATORS = inspect.CO_COROUTINE | inspect.CO_GENERATOR | inspect.CO_ITERABLE_COROUTINE
_INSIDE = frozenset({"asyncio.locks", "asyncio.queues", "asyncio.mixins"})
_CALLERS = frozenset({"execute", "_perform", "make", "end"})  # of ours that call the program: a callback, a test of pytest, its fixtures
_DULL = frozenset({"__repr__", "__str__", "__eq__", "__hash__", "__len__", "__bool__", "__del__", "__post_init__", "__set_name__"})


@dataclass
class _Open:
    """A call that has not ended in the present step; `call` is None for one that is not shown."""

    frame: int
    module: str
    owner: int
    name: str
    call: Call | None
    error: str = ""
    raised_at: int = -1


class CallTracer:
    """Collects the calls of one step at a time.

    Args:
        name_of: the name of an object that tasks share, by its id; "" if it has none.
        ended: told of each method that returns: the id of its object, its name, and what it returned.
    """

    def __init__(self, name_of: Callable[[int], str], ended: Callable[[int, str, object], None]) -> None:
        self.left_out = 0
        self._calls: list[Call] = []
        self._name_of = name_of
        self._ended = ended
        self._open: list[_Open] = []
        self._before: Any = None
        self._started = False
        self._raised: Call | None = None

    def start(self, suspended: Iterable[types.FrameType]) -> None:
        """Begin with a step of a task whose frames are `suspended`, the outermost first; none for a callback."""
        self.left_out = 0
        self._calls = []
        self._open = []
        for frame in suspended:
            self._push(frame, resumed=True)
        self._before = sys.gettrace()
        self._started = True
        sys.settrace(self._on_call)

    def stop(self) -> list[Call]:
        """End with it; return its calls in the order in which they began, without those that only went on waiting."""
        if self._started:
            self._started = False
            sys.settrace(self._before)
        return [call for call in self._calls if call.result or not call.resumed]

    def _on_call(self, frame: types.FrameType, event: str, argument: Any) -> Any:
        frame.f_trace_lines = False
        known = next((opened for opened in self._open if opened.frame == id(frame)), None)
        if known is not None:  # an exception that is thrown in reaches the innermost frame first
            if known.call is not None and _instruction(frame) == ("RESUME", 0):
                known.call.resumed = False
                known.call.arguments = _arguments(frame)
            return self._on_event
        outer = frame.f_back
        if is_engine(frame.f_globals.get("__name__", "")) or outer is None:
            return None
        from_loop = outer.f_code.co_name in _CALLERS and is_engine(outer.f_globals.get("__name__", ""))
        if not from_loop and not (self._open and self._open[-1].frame == id(outer)):
            return None
        self._push(frame, resumed=_instruction(frame) != ("RESUME", 0))
        return self._on_event

    def _push(self, frame: types.FrameType, resumed: bool) -> None:
        code = frame.f_code
        module = frame.f_globals.get("__name__", "")
        has_self = code.co_argcount > 0 and code.co_varnames[0] == "self"
        owner = frame.f_locals.get("self") if has_self else None
        call = None
        if self._is_shown(code, module):
            if len(self._calls) < _MOST:
                call = self._describe(code, owner, resumed, "" if resumed else _arguments(frame))
                self._calls.append(call)
            else:
                self.left_out += 1
        self._open.append(_Open(id(frame), module, id(owner), code.co_name, call))

    def _is_shown(self, code: types.CodeType, module: str) -> bool:
        name = code.co_name
        if name.startswith("<") or name in _DULL or is_engine(module):
            return False
        if module.startswith("asyncio."):
            outer = self._open[-1].module if self._open else ""
            return module in _INSIDE or not outer.startswith("asyncio.")
        if module.startswith("treadle.checker.clients"):
            return bool(code.co_flags & inspect.CO_COROUTINE)  # what a client does, and not how it was set up
        return module.partition(".")[0] not in sys.stdlib_module_names or module == "__main__"

    def _describe(self, code: types.CodeType, owner: Any, resumed: bool, arguments: str) -> Call:
        depth = sum(opened.call is not None for opened in self._open)
        receiver = "" if owner is None else self._name_of(id(owner)) or type(owner).__name__
        of_asyncio = type(owner).__module__.startswith("asyncio.")
        shared = owner is not None and (is_primitive(owner) or (is_shared(owner) and not of_asyncio))
        operation = shared and bool(self._open) and not (of_asyncio and receiver == type(owner).__name__)
        is_async = bool(code.co_flags & _GENERATORS)
        return Call(depth, receiver, code.co_name, arguments, "", resumed, is_async, operation)

    def _on_event(self, frame: types.FrameType, event: str, argument: Any) -> Any:
        opened = next((each for each in reversed(self._open) if each.frame == id(frame)), None)
        if opened is None:
            return self._on_event
        if event == "exception":
            if argument[0] is StopIteration and frame.f_code.co_flags & _GENERATORS:
                return self._on_event  # how an await ends; it never comes out of these
            opened.error = argument[0].__name__
            opened.raised_at = frame.f_lasti
            if self._raised is not None:  # a bare `raise` is no event of its own: what arrives at the caller is what came out
                self._raised.result = f"raises {opened.error}"
                self._raised = None
        elif event == "return":
            del self._open[self._open.index(opened) :]
            self._end(opened, frame, argument)
        return self._on_event

    def _end(self, opened: _Open, frame: types.FrameType, result: object) -> None:
        name, argument = _instruction(frame)
        self._raised = None
        if name.startswith("RETURN"):
            self._ended(opened.owner, opened.name, result)
            text = "returns" if result is None else f"→ {short(result)}"
        elif (name == "YIELD_VALUE" or (name == "RESUME" and argument)) and (result is not None or opened.raised_at != frame.f_lasti):
            return  # suspended; 3.13 already stands at the instruction after, as it does where an exception was thrown in
        else:
            text = f"raises {opened.error}" if opened.error else RAISED
            self._raised = opened.call
        if opened.call is not None:
            opened.call.result = text


def _arguments(frame: types.FrameType) -> str:
    code = frame.f_code
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    variables = frame.f_locals
    return ", ".join(short(variables[name]) for name in names if name not in ("self", "cls") and name in variables)


def _instruction(frame: types.FrameType) -> tuple[str, int]:
    """Return the instruction at which a frame is, and of its argument what says whether a RESUME is that of a new call: 0."""
    code = _bytes_of(frame.f_code)
    position = max(frame.f_lasti, 0)
    return dis.opname[code[position]], code[position + 1] & 3


@cache
def _bytes_of(code: types.CodeType) -> bytes:
    return code.co_code


def is_engine(module: str) -> bool:
    """Return True for treadle's own modules, its clients apart, and for pytest, which comes in where assertions are rewritten."""
    own = module.startswith(("treadle.checker", "treadle.model")) and not module.startswith("treadle.checker.clients")
    return own or module.partition(".")[0] in ("_pytest", "pytest")
