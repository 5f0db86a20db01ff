"""The names of properties, which are stable, and what each of them means to a reader."""

from __future__ import annotations

__all__ = ["MEANINGS"]

MEANINGS = {
    "mutual-exclusion": "at most one client holds the lock",
    "fifo": "who came first is served first",
    "no-lost-wakeup": "nobody waits for what is free",
    "no-deadlock": "something can always happen until the scenario is done",
    "counter-non-negative": "no more permits are taken than there are",
    "counter-bounded": "a bounded semaphore never exceeds its initial value",
    "permits-conserved": "permits are neither lost nor made up",
    "wakes-all": "set() and notify_all() wake everyone who waits",
    "notifies-n": "notify(n) wakes exactly min(n, waiting) clients, once each",
    "no-spurious-wakeup": "nobody wakes who was not woken",
    "lock-held-on-return": "wait() has the lock again when it returns or raises",
    "cancellation-delivered": "a cancellation arrives once, and unchanged",
    "returns-as-documented": "calls return what the documentation says, and when",
    "raises-as-documented": "calls raise what the documentation says, and change nothing then",
    "state-as-reported": "locked() and is_set() tell the truth",
    "no-unhandled-exception": "no exception is lost or comes out of a callback",
    "no-leaked-task": "no task outlives the scenario",
    "assertion": "what the scenario asserts",
    "refinement": "every behaviour is one that the model allows",
    "progress": "nobody waits for ever",
    "witness": "what must happen somewhere does",
}
