"""Traces whose every text comes from somebody who means harm; and one with thousands of steps."""

from treadle.checker.trace import (
    TRACE_VERSION,
    Call,
    Change,
    Edge,
    Excerpt,
    Frame,
    Parting,
    Primitive,
    StateGraph,
    Step,
    Target,
    Trace,
    TracedViolation,
    Wait,
    Wake,
)

HOSTILE = [
    "</script><script>window.hacked = 1</script>",
    "<!--<script>",
    "]]><img src=x onerror='window.hacked = 1'>",
    '"><svg onload=window.hacked=1>',
    "{{ 7 * 7 }}{% raw %}",
    "</script ><b>",
    'a; participant p9 as x\nend %% #1; "\\',
    "\u2028\u2029\u0000\u202e\ud800 & < > '",
    "a" * 3_000,
]


def hostile_trace(text):
    """Return a trace that says `text` wherever a program has a say."""
    where = Frame(text, text, 1, text)
    first, second = (Step(
        number, 1, "resume", text, text, place=f"{text}:1", source=text, stack=[where], waits_for=text,
        calls=[Call(0, text, text, text, text, False, False, True)], notes=[text], changes=[Change(text, text, text)],
        primitives=[Primitive(text, text, [text], [text])], wakes=[Wake(text, text, False)], created=[text],
        options=[text, text], position=0,
    ) for number in (1, 2))  # fmt: skip
    return Trace(
        version=TRACE_VERSION, target=Target("check", text), scope={"contract": "stock", "time": "virtual"}, versions={"python": text},
        schedule=[0], steps=[first, second], tasks=["main", text], observed=[text],
        sources=[Excerpt(text, text, 1, [text, text])], digest="",
        violation=TracedViolation("no-deadlock", text), explanation=text, waits=[Wait(text, text, [text], text)], deadlock=[text, text],
        parting=Parting(0, 1, text, text, [1], [text]),
        graph=StateGraph(
            ["", text, "done", text], [Edge(0, 1, text), Edge(0, 2, text), Edge(1, 3, text), Edge(1, 0, text)], [(0, 0), (2, 1)]
        ),
        loop=2,
    )  # fmt: skip


def long_trace(count, loop=0):
    """Return a trace of so many steps, in which three tasks take turns; a run that goes on for ever, if there is a `loop`."""
    names = ["anna", "ben", "cleo"]
    steps = []
    for number in range(1, count + 1):
        name = names[number % 3]
        following = names[(number + 1) % 3]
        line = 10 + number % 4
        steps.append(
            Step(
                number, number, "start" if number <= 3 else "resume", name, f"woken by {names[number % 3 - 1]}: baton.pass_on()",
                place=f"relay.py:{line}", source="await baton.take()", stack=[Frame("run", "relay.py", line, "await baton.take()")],
                calls=[Call(1, "baton", "pass_on", str(number), "returns", False, False, True)],
                changes=[Change("laps", str(number - 1), str(number))],
                primitives=[Primitive("baton", f"lap {number}", [name], [following])], wakes=[Wake(following, "baton.pass_on()", False)],
                options=["go on", f"cancel {following}"], position=number - 1,
            )
        )  # fmt: skip
    return Trace(
        version=TRACE_VERSION, target=Target("check", "relay.py::scenario"), scope={"contract": "stock", "time": "virtual"},
        versions={"python": "3.X"}, schedule=[0] * count, steps=steps, tasks=names, observed=["baton"],
        sources=[Excerpt("relay.py", "run", 8, [f"    line {number}" for number in range(8, 20)])], digest="",
        violation=TracedViolation("assertion", "too many laps"), loop=loop,
    )  # fmt: skip
