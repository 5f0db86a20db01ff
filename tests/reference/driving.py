"""Run a coroutine on a real event loop, turn by turn, and notice when it gets no further.

Not `asyncio.run`: a test of a lost wakeup would hang where it should fail, and so would the clean-up, which waits for the tasks
that it cancels, while a condition's waiter ends only when somebody releases the lock.
"""

import asyncio
import contextlib

MANY_TURNS = 2_000  # no test needs a tenth of it


def drive(coroutine):
    """Return what the coroutine returns; an AssertionError says that it came to rest without returning."""
    loop = asyncio.new_event_loop()
    try:
        main = loop.create_task(coroutine)
        for _ in range(MANY_TURNS):
            loop.call_soon(loop.stop)
            loop.run_forever()
            if main.done():
                return main.result()
        raise AssertionError(f"stuck: after {MANY_TURNS} turns of the loop it still waits in {main!r}")
    finally:
        for task in asyncio.all_tasks(loop):
            task._log_destroy_pending = False
            # What a task that is cut short has to say in its clean-up is no part of the test.
            with contextlib.suppress(Exception):
                task.get_coro().close()
        loop.close()
