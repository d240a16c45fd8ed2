"""Durations and speeds in the words of people."""

from __future__ import annotations


def duration(seconds: float) -> str:
    """Write seconds in the unit that people would use."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 48 * 3600 else f"{seconds / 86400:.1f} days"


def rounded_speed(speed: float) -> str:
    """Write a speed, such as pairs per second, with the two digits that count."""
    return f"{speed:.0f}" if speed >= 10 else f"{speed:.2g}"
