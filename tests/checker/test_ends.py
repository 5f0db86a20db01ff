"""How a run ends, and what is said of it: in asyncio's own words, after all that asyncio would still run."""

import asyncio
import contextlib

import pytest

from treadle.checker import check, checkpoint

MERGE = pytest.mark.parametrize("merge", ["on", "off", "auto"])


async def raises():
    raise ValueError("of a task")


@MERGE
@pytest.mark.parametrize("contract", ["stock", "stretched", "any"])
def test_what_the_last_step_has_queued_still_runs(contract, merge):
    async def scenario():
        async def fails():
            raise OSError

        async def fails_later():
            await checkpoint()
            raise ValueError("gather, which has raised already, looks at this exception, and drops it")

        with contextlib.suppress(OSError, ValueError):
            await asyncio.gather(fails(), fails_later())
        await checkpoint()

    assert check(scenario, merge=merge, contract=contract)


def test_what_nobody_asked_for_is_told_in_asyncio_s_own_words():
    async def forgotten_future():
        asyncio.get_running_loop().create_future().set_exception(ValueError("of a future"))

    async def forgotten_task():
        asyncio.create_task(raises(), name="raises")
        await asyncio.sleep(1)

    (violation,) = check(forgotten_future).violations
    assert violation.message == "Future exception was never retrieved: ValueError: of a future"
    (violation,) = check(forgotten_task).violations
    assert violation.message == "Task exception was never retrieved: ValueError: of a task"


def test_tasks_and_futures_show_themselves_as_asyncio_s_do():
    async def scenario():
        tasks = [asyncio.create_task(asyncio.sleep(1), name="sleeps"), asyncio.create_task(asyncio.sleep(1))]
        await asyncio.wait(tasks)
        assert all(repr(task).startswith("<Task finished name=") for task in tasks), tasks
        assert repr(asyncio.get_running_loop().create_future()) == "<Future pending>"

    assert check(scenario)


def test_a_scenario_that_ends_by_a_cancellation_is_pointed_out():
    async def ends():
        await asyncio.gather(checkpoint(), asyncio.create_task(asyncio.sleep(1)))

    async def goes_on():
        await asyncio.gather(checkpoint(), asyncio.create_task(asyncio.sleep(1)), return_exceptions=True)

    assert any("ended there with its CancelledError" in note for note in check(ends, cancel=1).notes)
    assert not check(goes_on, cancel=1).notes
    assert not any("CancelledError" in note for note in check(ends).notes)


def test_a_timeout_that_never_strikes_is_pointed_out():
    async def around(wait):
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1):
                await wait()

    async def outrun():
        await around(checkpoint)

    async def outrun_by_a_job():
        await around(lambda: asyncio.to_thread(int))

    async def strikes_elsewhere():
        await around(checkpoint)
        await around(lambda: asyncio.sleep(2))

    async def has_a_later_deadline():
        await around(lambda: asyncio.sleep(0.5))

    def pointed_out(scenario, **options):
        verdict = check(scenario, **options)
        assert verdict
        return any("never fired in any run" in note for note in verdict.notes)

    assert pointed_out(outrun)
    assert pointed_out(outrun, contract="any")
    assert pointed_out(outrun_by_a_job)
    assert not pointed_out(outrun, time="any")
    assert not pointed_out(strikes_elsewhere)
    assert not pointed_out(has_a_later_deadline)
