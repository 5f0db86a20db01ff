"""A trace as one self-contained page: `page(trace)`."""

from .building import page, write_page

__all__ = ["page", "write_page"]
