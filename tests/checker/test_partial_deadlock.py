"""Tasks that wait for each other in a circle while another one goes on for ever: a deadlock, although nothing comes to rest."""

import asyncio

from treadle.checker import check, checkpoint


async def take(first, second):
    async with first:
        await checkpoint()
        async with second:
            pass


async def tick():
    while True:
        await asyncio.sleep(1)


async def beside_a_clock(*takers):
    ticker = asyncio.create_task(tick(), name="ticker")
    await asyncio.gather(*(asyncio.create_task(taker, name=name) for name, taker in zip("ab", takers, strict=True)))
    ticker.cancel()


async def always():
    red, blue = asyncio.Lock(), asyncio.Lock()
    first_of_blue = asyncio.Event()

    async def blue_first():
        async with blue:
            first_of_blue.set()
            await checkpoint()
            async with red:
                pass

    async def red_first():
        async with red:
            await first_of_blue.wait()
            async with blue:
                pass

    await beside_a_clock(red_first(), blue_first())


async def sometimes():
    red, blue = asyncio.Lock(), asyncio.Lock()
    await beside_a_clock(take(red, blue), take(blue, red))


async def in_order():
    red, blue = asyncio.Lock(), asyncio.Lock()
    await beside_a_clock(take(red, blue), take(red, blue))


async def only_waits():
    """Goes on for ever, and somebody waits for what never comes: that may be meant."""
    never, busy = asyncio.Event(), asyncio.Lock()

    async def idle():
        async with busy:
            await never.wait()

    async def queues():
        async with busy:
            pass

    await beside_a_clock(idle(), queues())


def test_a_circle_beside_a_task_that_goes_on_is_a_violation():
    for scenario in (always, sometimes):
        verdict = check(scenario, contract="stock")
        (violation,) = verdict.violations
        assert violation.property == "progress"
        assert violation.confirmed
        assert violation.lasso.inevitable
        assert not verdict.notes


def test_no_circle_no_violation():
    assert check(in_order, contract="stock").verdict == "verified"
    verdict = check(only_waits, contract="stock")
    assert verdict.verdict == "verified"
    assert any("no run of this scenario ends" in note for note in verdict.notes)


def test_it_can_be_ignored():
    assert check(always, contract="stock", ignore={"progress"}).verdict == "verified"
