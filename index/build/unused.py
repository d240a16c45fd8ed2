"""Settings that a build would not use: who gives them means another build, and is told before."""

from __future__ import annotations

import logging

from genie_transforms import UserError
from index.config import BuildConfig
from index.store import BUILD

logger = logging.getLogger("genie.build")


def check_unused(config: BuildConfig) -> None:
    """Refuse settings whose build would be costly and not what was meant; warn of others.

    Raises:
        UserError: A noise ratio is given for a method that takes none, or a confusion matrix for
            pairs that are not chosen by it.
    """
    # A bank that an earlier version began with them goes on: its recipe has them.
    begun = (config.folder / BUILD).exists()
    for what, remedy in _misleading(config):
        if not begun:
            raise UserError(f"{what}: {remedy}, or leave it out")
        logger.warning("%s: it is not used", what)
    for what in _idle(config):
        logger.warning("%s: it is not used", what)


def _misleading(config: BuildConfig) -> list[tuple[str, str]]:
    """Say which settings are refused, and what to add for them to count."""
    found, ratio, default = [], config.noise_ratio, BuildConfig.noise_ratio
    # Pure noise is r = 1, whether somebody says so or not.
    taken = {"genie-ada": (default,), "txt2img": (default, 1.0)}
    if ratio not in taken.get(config.method, (ratio,)):
        what = f"--noise-ratio {ratio:g} is not for --method {config.method}"
        found.append((what, "add --method genie"))
    if config.confusion and not config.pairs.startswith("confusion:"):
        what = f"--confusion {config.confusion} is not for --pairs {config.pairs}"
        found.append((what, "add --pairs confusion:K"))
    return found


def _idle(config: BuildConfig) -> list[str]:
    """Say which settings are not at their defaults and change nothing."""
    unused = []
    if config.method != "genie-ada":
        # Not those of `ada`: the preset of a cheap sweep goes with every method.
        unused += [(name, f"--method {config.method}") for name in ("noise_ratios", "rule")]
    elif config.ada == "full":
        unused += [(name, "--ada full") for name in ("ada_steps", "ada_guidance")]
    if config.same_class:
        unused.append(("pairs", f"--method {config.method}"))
    return [
        f"{name} = {getattr(config, name)} is not for {what}"
        for name, what in unused
        if getattr(config, name) != getattr(BuildConfig, name)
    ]
