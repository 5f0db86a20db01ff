"""The five synchronization primitives of asyncio, written to be read."""
