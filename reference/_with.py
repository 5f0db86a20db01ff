"""The ways to hold a lock for the length of a block: `async with`, and the forms that came before it.

The old forms (`await lock`, `with await lock`, `with (yield from lock)`) have been deprecated since Python 3.7. They
still work, and say so with a DeprecationWarning that points at the caller's line. A plain `with lock` never worked; it
gets an error that says what to write.
"""

import types
import warnings
from collections.abc import Generator
from typing import Any, Literal


class Held:
    """Something that was acquired by `await` or `yield from`; a `with` block releases it at its end."""

    def __init__(self, owner: "Acquirable") -> None:
        self._owner = owner

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: types.TracebackType | None
    ) -> None:
        self._owner.release()


class Acquirable:
    """Base of what is acquired and released: locks, conditions, semaphores."""

    async def acquire(self) -> Literal[True]:
        """Wait until it is ours."""
        raise NotImplementedError

    def release(self) -> None:
        """Give it back."""
        raise NotImplementedError

    async def __aenter__(self) -> None:
        await self.acquire()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: types.TracebackType | None
    ) -> None:
        self.release()

    def __await__(self) -> Generator[Any, Any, Held]:
        warnings.warn(
            f"'await' and 'yield from' on a {type(self).__name__} are deprecated since Python 3.7; "
            "write 'async with', or 'await ….acquire()'",
            DeprecationWarning,
            stacklevel=2,
        )
        yield from self.acquire().__await__()
        return Held(self)

    # `yield from lock`, in a generator-based coroutine, asks for an iterator where `await lock` asks for an awaitable.
    __iter__ = __await__

    def __enter__(self) -> None:
        name = type(self).__name__
        raise RuntimeError(f"a {name} cannot be held by a plain 'with', which has no way to wait; write 'async with'")

    def __exit__(self, *_: object) -> None:
        """Make `with` find both methods that it looks for, so that it is our own error that gets raised."""
