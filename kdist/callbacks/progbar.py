"""`Progbar`: the line that shows how far a loop is."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

import numpy as np

from kdist.callbacks import console

_BOLD, _GREEN, _WHITE, _PLAIN = "\x1b[1m", "\x1b[32m", "\x1b[37m", "\x1b[0m"
_BLOCK = "━"


class Progbar:
    """A progress line: `399/399 ━━━━━━━━━━━━━━━━━━━━ 74s 184ms/step - acc: 0.7496 - loss: 0.7416`.

    On a terminal it is drawn over itself, at most once per `interval`. Elsewhere (a file, a pipe)
    only the finished line is printed, without colours.

    Arguments:
        target: number of steps, None if unknown.
        width: length of the bar in characters.
        verbose: 0 prints nothing, 1 a bar, 2 only a line at the end.
        interval: least time between two drawings, in seconds.
        stateful_metrics: names whose values are shown as given; the others are averaged over steps.
        stateless_metrics: names whose values are averaged over steps; the others are shown as
            given. Pass one of the two at most; with neither all are averaged.
        unit_name: what a step is called.

    Raises:
        ValueError: if both lists are given.

    Example:
        >>> bar = Progbar(3)
        >>> for i in range(3):
        ...     bar.update(i + 1, [("loss", 0.5)])
    """

    def __init__(
        self,
        target: int | None,
        width: int = 20,
        verbose: int = 1,
        interval: float = 0.05,
        stateful_metrics: Iterable[str] | None = None,
        stateless_metrics: Iterable[str] | None = None,
        unit_name: str = "step",
    ):
        if stateful_metrics is not None and stateless_metrics is not None:
            raise ValueError(
                f"stateful_metrics={stateful_metrics!r} and stateless_metrics="
                f"{stateless_metrics!r}: each names what the other leaves out; pass one of them."
            )
        self.target, self.width, self.verbose = target, width, verbose
        self.interval, self.unit_name = interval, unit_name
        self.stateful_metrics = (
            None if stateless_metrics is not None else set(stateful_metrics or ())
        )
        self.stateless_metrics = set(stateless_metrics) if stateless_metrics is not None else None
        self._terminal = console.is_terminal()
        self.first = 0  # steps that were done before this object began, in a resumed epoch
        self._seen = 0
        self._values: dict[str, tuple[Any, int]] = {}  # name -> (sum, number of steps in it)
        self._start = time.time()
        self._after_first: float | None = None
        self._last_drawn = 0.0
        self._drawn_width = 0

    def due(self) -> bool:
        """Whether an update now would be drawn: values that cost something can wait until then."""
        if self.verbose != 1 or not self._terminal:
            return False
        return time.time() - self._last_drawn >= self.interval

    def update(
        self,
        current: int,
        values: Iterable[tuple[str, Any]] | None = None,
        finalize: bool | None = None,
    ) -> None:
        """Show `current` steps done.

        Arguments:
            values: (name, value of the latest step) pairs.
            finalize: whether this is the last update; default: once `current` reaches `target`.
        """
        if finalize is None:
            finalize = self.target is not None and current >= self.target
        for name, value in values or ():
            self._record(name, value, current, finalize)
        self._seen = current
        now = time.time()
        per_step = self._step_duration(current, now)
        if self.verbose == 1 and (finalize or self.due()):
            self._draw(current, now, per_step, finalize)
        elif self.verbose == 2 and finalize and self.target:
            count = f"{current:{len(str(self.target))}d}/{self.target}"
            speed = self._speed(per_step)
            console.say(f"{count} - {now - self._start:.0f}s - {speed}{self._shown_values()}")

    def add(self, n: int, values: Iterable[tuple[str, Any]] | None = None) -> None:
        """Show `n` more steps done; `values` are as for `update`."""
        self.update(self._seen + n, values)

    def close_line(self) -> None:
        """End a line that is not finished, so that what is printed next starts on its own."""
        if self._drawn_width:
            console.write("\n")
            self._drawn_width = 0

    # ---- numbers ---------------------------------------------------------------------------------
    def _is_averaged(self, name: str) -> bool:
        if self.stateless_metrics is not None:
            return name in self.stateless_metrics
        return name not in (self.stateful_metrics or ())

    def _record(self, name: str, value: Any, current: int, finalize: bool) -> None:
        if not self._is_averaged(name) or finalize:
            self._values[name] = (value, 1)
            return
        steps = max(current - self._seen, 1)
        total, count = self._values.get(name, (0.0, 0))
        self._values[name] = (total + value * steps, count + steps)

    def _step_duration(self, current: int, now: float) -> float:
        """Seconds per step, without the first, which may compile, once there are more."""
        done = current - self.first
        if done <= 0:
            return 0.0
        if done > 1 and self._after_first is not None:
            return (now - self._after_first) / (done - 1)
        if done == 1:
            self._after_first = now
        return (now - self._start) / done

    # ---- text ------------------------------------------------------------------------------------
    def _draw(self, current: int, now: float, per_step: float, finalize: bool) -> None:
        count, bar = self._count_and_bar(current)
        if self.target and not finalize:
            clock = _remaining(per_step * (self.target - current))
        else:
            clock = f"{now - self._start:.0f}s"
        rest = f" {self._speed(per_step)}{self._shown_values()}"
        width = len(count) + len(bar) + len(clock) + len(rest) + (2 if bar else 1)
        room = console.columns() - 1
        if not finalize and self._terminal and width > room:
            # A line that wraps cannot be drawn over. The finished one is shown in full.
            rest = rest[: max(0, len(rest) - (width - room))]
            width = room
        if self._terminal:
            done = int(self.width * min(1.0, current / self.target)) if bar else 0
            green = f"{_GREEN}{bar[:done]}{_PLAIN}" if done else ""
            drawn = f" {green}{_WHITE}{bar[done:]}{_PLAIN}" if bar else ""
            start = "\b" * self._drawn_width + "\r"
            blank = " " * max(0, self._drawn_width - width)
            body = f"{_BOLD}{count}{_PLAIN}{drawn} {_BOLD}{clock}{_PLAIN}{rest}"
        else:
            start = blank = ""
            body = f"{count} {bar} {clock}{rest}" if bar else f"{count} {clock}{rest}"
        console.write(start + body + blank + ("\n" if finalize else ""))
        self._drawn_width = 0 if finalize else width
        self._last_drawn = now

    def _count_and_bar(self, current: int) -> tuple[str, str]:
        if not self.target:
            return f"{current:7d}/Unknown", ""
        return f"{current:{len(str(self.target))}d}/{self.target}", _BLOCK * self.width

    def _speed(self, seconds: float) -> str:
        if seconds >= 1 or seconds == 0:
            return f"{seconds:.0f}s/{self.unit_name}"
        if seconds >= 1e-3:
            return f"{seconds * 1e3:.0f}ms/{self.unit_name}"
        return f"{seconds * 1e6:.0f}us/{self.unit_name}"

    def _shown_values(self) -> str:
        shown = []
        for name, (total, count) in self._values.items():
            mean = float(np.mean(total)) / max(1, count)
            shown.append(f" - {name}: {mean:.4f}" if abs(mean) > 1e-3 else f" - {name}: {mean:.4e}")
        return "".join(shown)


def _remaining(seconds: float) -> str:
    minutes, s = divmod(int(seconds), 60)
    hours, m = divmod(minutes, 60)
    if hours:
        return f"{hours}:{m:02d}:{s:02d}"
    return f"{m}:{s:02d}" if m else f"{s}s"
