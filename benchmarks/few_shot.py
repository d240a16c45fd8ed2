"""The paper's few-shot evaluation, every arm on the same episodes: `python -m benchmarks.few_shot`.

N-way K-shot on the demo's novel classes, which its backbone has never seen: features are frozen,
and a linear head learns from each episode's support and what an arm adds to it. Everything
generated comes from one pool that is made once (see `pool.py`), so the intervals are over episodes
of this pool. Stop it whenever you like: the same command continues.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import logging
import time
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import tyro
from sklearn.exceptions import ConvergenceWarning
from tqdm import tqdm

from index import selection
from index.demo.scenes import NOVEL_CLASSES
from index.diffusion.noise import derived_seed
from index.whole import write_json

from . import arms, classical, heads
from .arms import ARMS, BASELINE, support_features
from .environment import environment
from .episodes import Drawing, Episode, draw, read_episodes, write_episodes
from .few_shot_report import plot, summed_up, table
from .heads import accuracy
from .pool import Pool, PoolConfig, make_pool


@dataclass(frozen=True, kw_only=True)
class FewShotConfig:
    """Run the few-shot evaluation on the demo.

    Attributes:
        work: Folder of the pool, the episodes and the accuracy of each; continued if it exists.
        episodes: Episodes of each number of shots.
        k_shot: Support images of each class, one or several numbers.
        n_way: Classes of an episode.
        n_query: Query images of each class.
        per_class: Support images of each class in the pool. All that is generated from 16 takes
            about ten minutes alone on 2 cores, and time grows in proportion.
        num_inference_steps: Steps of the whole denoising.
        head: What learns from the features: the authors' logistic regression, a linear SVM, or
            the nearest prototype.
        arms: Names of arms; all if empty. Txt2Img, to which all are compared, is always run.
        seed: Seed of episodes and augmentations.
        json: File that receives the figures.
        plot: File that receives the plot, a png.
        quick: 20 episodes, 6 support images of each class and 10 steps, to see that it works.
    """

    work: Path
    episodes: int = 200
    k_shot: tuple[int, ...] = (1, 5)
    n_way: int = 5
    n_query: int = 16
    per_class: int = 16
    num_inference_steps: int = 50
    head: Literal["logistic", "svm", "prototype"] = "logistic"
    arms: tuple[str, ...] = ()
    seed: int = 0
    json: Path | None = None
    plot: Path | None = None
    quick: bool = False

    def __post_init__(self) -> None:
        unknown = sorted(set(self.arms) - set(ARMS))
        if unknown:
            raise ValueError(f"unknown arms {unknown}; choose among {', '.join(ARMS)}")
        if not 2 <= self.n_way <= len(NOVEL_CLASSES):
            raise ValueError(
                f"n_way must lie in [2, {len(NOVEL_CLASSES)}], the demo's novel classes, got "
                f"{self.n_way}"
            )
        if not self.k_shot or min(self.k_shot) < 1:
            raise ValueError(f"k_shot must be at least 1, got {self.k_shot}")

    @property
    def wanted(self) -> list[str]:
        """Names of the arms to run, in the order of `ARMS`."""
        return [name for name in ARMS if not self.arms or name in (*self.arms, BASELINE)]

    def pool(self) -> PoolConfig:
        """Give the pool that the episodes need.

        Raises:
            ValueError: It has fewer support images of a class than an episode takes.
        """
        per_class = 6 if self.quick else self.per_class
        if per_class < max(self.k_shot):
            raise ValueError(
                f"k_shot {max(self.k_shot)} needs a pool of at least as many per_class, "
                f"got {per_class}"
            )
        return PoolConfig(
            work=self.work,
            per_class=per_class,
            queries_per_class=max(40, self.n_query),
            variations=self.n_way - 1,
            num_inference_steps=10 if self.quick else self.num_inference_steps,
        )


def drawn_once(config: FewShotConfig, pool: Pool, k_shot: int) -> list[Episode]:
    """Read the episodes of one number of shots, or draw and write them."""
    number = 20 if config.quick else config.episodes
    drawing = Drawing(number, config.n_way, k_shot, config.n_query, config.seed)
    about = {**asdict(drawing), "labels": pool.labels.tolist(), "num_support": pool.num_support}
    name = f"{config.n_way}-way-{k_shot}-shot-{number}-seed-{config.seed}.json"
    path = config.work / "episodes" / name
    if not path.exists():
        support, query = np.split(np.arange(len(pool.labels)), [pool.num_support])
        episodes = draw(pool.labels, drawing, support_pool=support, query_pool=query)
        write_episodes(path, episodes, about)
    return read_episodes(path, about)


def run_arm(name: str, pool: Pool, episodes: list[Episode], head: str, seed: int) -> dict[str, Any]:
    """Run one arm on all episodes.

    Returns:
        `accuracies` in [0, 1], None where the head did not converge, which `failed` lists;
        `facts` of the added images, by name, of each episode; and `seconds`.
    """
    start = time.perf_counter()
    accuracies: list[float | None] = []
    facts: dict[str, list[float]] = {}
    failed: list[dict[str, Any]] = []
    for number, episode in enumerate(tqdm(episodes, desc=name, unit="episode", disable=None)):
        support, known = support_features(name, pool, episode, derived_seed(seed, number))
        for key, value in known.items():
            facts.setdefault(key, []).append(value)
        queries = pool.embeddings[episode.query_rows]
        with warnings.catch_warnings():
            warnings.simplefilter("error", ConvergenceWarning)
            try:
                accuracies.append(accuracy(head, support, queries, episode.query_labels))
            except ConvergenceWarning as warning:
                accuracies.append(None)
                failed.append({"episode": number, "reason": str(warning).splitlines()[0]})
    seconds = round(time.perf_counter() - start, 2)
    return {"accuracies": accuracies, "facts": facts, "failed": failed, "seconds": seconds}


def _arm_once(
    config: FewShotConfig, pool: Pool, episodes: list[Episode], k_shot: int, name: str
) -> dict[str, Any]:
    """Read what an arm scored, or run it; what another pool or code scored is run again."""
    code = [inspect.getsource(module) for module in (arms, classical, heads, selection)]
    about = [pool.digest, config.head, config.seed, [asdict(episode) for episode in episodes], code]
    key = hashlib.sha256(json.dumps(about).encode()).hexdigest()
    path = config.work / "accuracies" / config.head / f"{k_shot}-shot" / f"{name}.json"
    if path.exists():
        kept: dict[str, Any] = json.loads(path.read_text())
        if kept.pop("key") == key:
            return kept
    scored = run_arm(name, pool, episodes, config.head, config.seed)
    write_json(path, {"key": key, **scored})
    print(f"{k_shot}-shot {name}: {len(episodes)} episodes in {scored['seconds']} s", flush=True)
    return scored


def main(config: FewShotConfig) -> dict[str, Any]:
    """Make the pool, run every arm, print and write."""
    pool = make_pool(config.pool())
    seconds = {"pool": round(sum(pool.seconds.values()), 1)}
    entries: list[dict[str, Any]] = []
    for k_shot in config.k_shot:
        episodes = drawn_once(config, pool, k_shot)
        scored = {name: _arm_once(config, pool, episodes, k_shot, name) for name in config.wanted}
        numbers = {k: np.array(v["accuracies"], dtype=np.float64) for k, v in scored.items()}
        entries += [
            summed_up(name, k_shot, numbers[name], numbers[BASELINE], v["facts"], v["failed"])
            for name, v in scored.items()
        ]
        seconds[f"{k_shot}-shot"] = round(sum(v["seconds"] for v in scored.values()), 1)
        print(f"\n{table(entries, k_shot)}\n")
    print("seconds: " + ", ".join(f"{part} {value:g}" for part, value in seconds.items()))
    made = {key: value for key, value in asdict(pool.config).items() if key != "work"}
    made |= {"network_rows": dict(pool.network_rows), "seconds": dict(pool.seconds)}
    report: dict[str, Any] = {
        "arms": entries,
        "baseline": BASELINE,
        "classes": list(pool.class_names),
        "head": config.head,
        "n_way": config.n_way,
        "n_query": config.n_query,
        "pool": made,
        "seconds": seconds,
    }
    if config.json:
        write_json(config.json, {**report, **environment()})
    if config.plot:
        plot(entries, config.plot)
    return report


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    main(tyro.cli(FewShotConfig, prog="python -m benchmarks.few_shot"))
