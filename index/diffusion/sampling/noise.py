"""Seeds and exact forward noising: everything random or noisy in a sweep is decided here."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from .seeds import derived_seed, gaussian

PURE_NOISE = 0.999
"""Above this noise ratio a trajectory starts from noise alone, as in the authors' code."""


def pair_noise(shape: Sequence[int], seed: int, noise_ratio: float, *, coupled: bool) -> Tensor:
    """Draw the noise that hides a source at one noise ratio.

    Args:
        shape: Shape of one latent, ``(C, h, w)``.
        seed: The pair's seed.
        noise_ratio: r in (0, 1].
        coupled: One noise for every r of a pair, so that r alone changes along a sweep. Otherwise
            each r has its own, which depends on r and not on its place in the grid: running a
            single r again gives the same picture.

    Returns:
        ``(C, h, w)`` float32.
    """
    own = seed if coupled else derived_seed(seed, "ratio", round(1000 * noise_ratio))
    return gaussian(shape, own)


def check_noise_ratio(noise_ratio: float) -> None:
    """Refuse a noise ratio outside (0, 1].

    Raises:
        ValueError: It is outside, or not a number.
    """
    if not 0 < noise_ratio <= 1:
        raise ValueError(f"noise_ratio must lie in (0, 1], got {noise_ratio}")


def start_timestep(noise_ratio: float, num_train_timesteps: int = 1000) -> int:
    """Give the training timestep whose noise belongs to a noise ratio: t = 1000 r, at most 999.

    Rounded, where the authors truncate: 1000 * 0.29 is 290 and not 289.99999999999994.

    Raises:
        ValueError: `noise_ratio` is outside (0, 1].
    """
    check_noise_ratio(noise_ratio)
    return min(round(num_train_timesteps * noise_ratio), num_train_timesteps - 1)


def noise_coefficients(alphas_cumprod: Tensor, noise_ratio: float) -> tuple[float, float]:
    """Give the exact weights of image and noise: z_t = alpha * z_0 + sigma * epsilon.

    From the cumulated alphas of training, never from `scheduler.add_noise`: that looks t up in the
    grid of inference and, off the grid, silently takes the last step's noise (0.137 in place of
    0.958 for r = 0.7 with Stable Diffusion's betas).

    Args:
        alphas_cumprod: ``(T,)``, decreasing, in (0, 1).
        noise_ratio: r in (0, 1]; above 0.999 the image is ignored.

    Returns:
        alpha and sigma, with alpha^2 + sigma^2 = 1.

    Raises:
        ValueError: `noise_ratio` is outside (0, 1].
    """
    timestep = start_timestep(noise_ratio, len(alphas_cumprod))
    if noise_ratio > PURE_NOISE:
        return 0.0, 1.0
    alpha_bar = float(alphas_cumprod[timestep].double())
    return float(alpha_bar**0.5), float((1 - alpha_bar) ** 0.5)


def flow_coefficients(noise_ratio: float) -> tuple[float, float]:
    """Give the weights of image and noise under flow matching: z = (1 - r) z_0 + r epsilon.

    Raises:
        ValueError: `noise_ratio` is outside (0, 1].
    """
    check_noise_ratio(noise_ratio)
    return (0.0, 1.0) if noise_ratio > PURE_NOISE else (1 - noise_ratio, noise_ratio)
