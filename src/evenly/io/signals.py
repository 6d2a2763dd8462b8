"""Signals that end a command: by an exception where that is soon enough, at once where it is not."""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from types import FrameType
    from typing import NoReturn

EXIT_CODES: Final[dict[int, int]] = {signal.SIGINT: 130, signal.SIGTERM: 143}

GRACE: Final = 1.5
"""Seconds that a command has to put things in order after a signal."""


@contextmanager
def ending_soon(told: Callable[[int], object]) -> Generator[None]:
    """Let TERM raise SystemExit, as Ctrl-C raises KeyboardInterrupt; after either, end the process `GRACE` later.

    Threads that are at work can't be stopped, and the main thread may be in a library that does not come back soon. So
    a thread of its own hears of the signal, and ends the process should it still be there; `told` is called before,
    with the exit code. What such a process leaves is what one leaves that is killed: the next run puts it in order.
    """
    heard, hears = os.pipe()
    os.set_blocking(hears, False)

    def watch() -> None:
        """Wait for a signal, then for the process to end by itself."""
        while byte := os.read(heard, 1):
            code = EXIT_CODES.get(byte[0])
            if code is not None:
                time.sleep(GRACE)
                told(code)
                os._exit(code)
        os.close(heard)

    threading.Thread(target=watch, name="evenly-signals", daemon=True).start()
    before = signal.signal(signal.SIGTERM, _leave)
    signal.set_wakeup_fd(hears, warn_on_full_buffer=False)
    try:
        yield
    finally:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGTERM, before)
        os.close(hears)


def left_by(number: int, fault: BaseException | None = None) -> SystemExit:
    """Return what a process leaves by after a signal, with the notes of what the signal interrupted."""
    leaving = SystemExit(EXIT_CODES[number])
    for note in getattr(fault, "__notes__", []):
        leaving.add_note(note)
    return leaving


def _leave(number: int, frame: FrameType | None) -> NoReturn:
    """Leave by an exception, so that what was being written is cleaned up."""
    del frame
    raise left_by(number)
