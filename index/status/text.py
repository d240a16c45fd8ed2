"""A status in the words of people."""

from __future__ import annotations

from collections import Counter

from index.durations import duration, rounded_speed

from .status import Status
from .workers import WorkerSeen

_STAGES = {
    "embed": "source images are embedded",
    "generate": "pairs are generated",
    "finish": "all shards are there, the bank is finished from them",
    "finished": "the bank is finished",
}

_TASKS = {
    "embed": "embeds block {} of the source images",
    "generate": "generates shard {}",
    "retry": "tries the failed pairs of shard {} again",
    "finish": "finishes the bank",
}

_SHOWN = 10


def lines(status: Status) -> list[str]:
    """Say what there is to say; nothing in it moves a terminal's cursor."""
    told = [
        f"bank         {status.bank}",
        f"stage        {_stage(status)}",
        *_pairs(status),
        *_images(status),
        *_speed(status),
        *_owner(status),
        *_workers(status),
        *_faults(status),
        *(f"next         {hint}" for hint in _hints(status)),
    ]
    return [
        "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in one) for one in told
    ]


def _stage(status: Status) -> str:
    text = _STAGES[status.stage]
    if status.stage == "finished":
        return f"{text}, and is being built on" if status.is_running else text
    return text if status.is_running else f"stopped while {text}"


def _pairs(status: Status) -> list[str]:
    found = []
    if status.planned is not None:
        share = f" ({status.done / status.planned:.0%})" if status.planned else ""
        reused = f", {status.reused} of them before" if status.reused else ""
        found.append(
            f"pairs        {status.done} of {status.planned} done{share}: {status.made} made"
            f"{reused}, {status.num_failed} failed"
        )
    elif status.shards:
        found.append(f"pairs        {status.made} made, {status.num_failed} failed")
    found += [f"  failed     {count} x {reason}" for reason, count in status.failed.items()]
    if status.shards or status.planned_shards is not None:
        of = "" if status.planned_shards is None else f" of {status.planned_shards}"
        found.append(f"shards       {status.shards}{of}")
    return found


def _images(status: Status) -> list[str]:
    found = []
    if status.stage == "embed":
        found.append(f"embedded     {status.source_blocks} blocks of source images")
    if status.bad_images:
        more = ", …" if status.bad_images > len(status.examples) else ""
        found.append(f"bad images   {status.bad_images}: {', '.join(status.examples)}{more}")
    return found


def _speed(status: Status) -> list[str]:
    found = []
    if status.is_running and status.idle is not None:
        speed = "" if status.speed is None else f"{rounded_speed(status.speed)} pairs/s; "
        found.append(f"speed        {speed}a shard ended {duration(status.idle)} ago")
    if status.seconds_left is not None:
        found.append(f"time left    about {duration(status.seconds_left)}, and then the finish")
    total, made = sum(status.seconds.values()), status.done - status.reused
    if total > 0 and made > 0:
        shares = ", ".join(f"{name} {value / total:.0%}" for name, value in status.seconds.items())
        found.append(f"work         {total / made:.2g} s a pair: {shares}")
    return found


def _owner(status: Status) -> list[str]:
    if status.owner is None:
        return []
    seen = status.owner
    silent = f"its heartbeat is {duration(seen.age)} old"
    return [
        f"owner        {seen.owner}; {silent if seen.alive else f'dead or suspended, {silent}'}"
    ]


def _workers(status: Status) -> list[str]:
    if status.workers is None:
        is_over = status.stage == "finished" and not status.is_running
        return [] if is_over else ["workers      who works on it is known only where it is built"]
    if not status.workers:
        return []
    counts = Counter(one.state for one in status.workers)
    found = [f"workers      {', '.join(f'{count} {state}' for state, count in counts.items())}"]
    found += [f"  {one.state:<10} {_worker(one)}" for one in status.workers[:_SHOWN]]
    more = len(status.workers) - _SHOWN
    return [*found, f"             and {more} more"] if more > 0 else found


def _worker(seen: WorkerSeen) -> str:
    """Say who it is, on what it works, and since when."""
    sign, (kind, _) = seen.sign, seen.sign.order
    if sign.task is None:
        what = f"ended: {sign.problem}" if sign.problem else "waits for others"
    else:
        what = _TASKS[kind].format(sign.task) if kind in _TASKS else f"{kind} {sign.task}"
    begun = "" if seen.busy is None else f", begun {duration(seen.busy)} ago"
    silent = f", silent for {duration(seen.silent)}" if seen.state == "unknown" else ""
    return f"{sign}: {what}{begun}{silent}"


def _faults(status: Status) -> list[str]:
    found = [f"damaged      {fault}" for fault in list(status.faults.values())[:_SHOWN]]
    more = len(status.faults) - _SHOWN
    return [*found, f"damaged      and {more} more"] if more > 0 else found


def _hints(status: Status) -> list[str]:
    if status.is_running:
        return []
    if status.stage != "finished":
        mends = "mends that, and " if status.faults else ""
        return [f"the command that began it {mends}goes on from here"]
    found = []
    if status.faults and status.workers is None:
        found.append("the command that built it mends it, and index.verify reads every byte")
    elif status.faults:
        found.append(f"python -m index.verify --repair {status.bank} says how to mend it")
    if status.failed:
        found.append("the command that built it, with --retry-failed, tries further seeds")
    return found
