"""A bank account with a lost update, and the same with a lock."""

import asyncio

from treadle.checker import checkpoint


class Account:
    def __init__(self) -> None:
        self.balance = 0

    async def deposit(self, amount: int) -> None:
        before = self.balance
        await checkpoint()  # asks the fraud department
        self.balance = before + amount


class SafeAccount(Account):
    def __init__(self) -> None:
        super().__init__()
        self.lock = asyncio.Lock()

    async def deposit(self, amount: int) -> None:
        async with self.lock:
            await super().deposit(amount)


async def scenario_lost_update() -> None:
    account = Account()
    async with asyncio.TaskGroup() as group:
        group.create_task(account.deposit(1), name="alice")
        group.create_task(account.deposit(2), name="bob")
    assert account.balance == 3, f"the balance is {account.balance}"


async def scenario_with_lock() -> None:
    account = SafeAccount()
    async with asyncio.TaskGroup() as group:
        group.create_task(account.deposit(1), name="alice")
        group.create_task(account.deposit(2), name="bob")
    assert account.balance == 3, f"the balance is {account.balance}"
