"""Exact forward noising: what a noise ratio r means, in timesteps and in weights of the noise.

Two definitions meet here. Models of noise or velocity count r in training timesteps, t = 1000 r,
whose noise follows from the cumulated alphas. Flow-matching models count r as the weight of the
noise itself. Neither is diffusers' `strength`, which is a fraction of the steps.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from genie_transforms import UserError

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
            single r again gives the same image.

    Returns:
        ``(C, h, w)`` float32.
    """
    # In thousandths, as timesteps are: 0.1 + 0.2 and 0.3 are the same ratio, so the same noise.
    own = seed if coupled else derived_seed(seed, "ratio", round(1000 * noise_ratio))
    return gaussian(shape, own)


def check_noise_ratio(noise_ratio: float) -> None:
    """Refuse a noise ratio outside (0, 1].

    Raises:
        UserError: It is outside, or not a number.
    """
    if not 0 < noise_ratio <= 1:
        raise UserError(f"noise_ratio must lie in (0, 1], got {noise_ratio}")


def start_timestep(noise_ratio: float, num_train_timesteps: int = 1000) -> int:
    """Return the training timestep whose noise belongs to a noise ratio: t = 1000 r, at most 999.

    Raises:
        UserError: `noise_ratio` is outside (0, 1].
    """
    check_noise_ratio(noise_ratio)
    # Rounded, where the authors truncate: 0.1 + 0.7 is 0.7999999999999999, and int() would make
    # 799 of it. For ratios that are written out, such as 0.8, the two agree.
    return min(round(num_train_timesteps * noise_ratio), num_train_timesteps - 1)


def noise_coefficients(alphas_cumprod: Tensor, noise_ratio: float) -> tuple[float, float]:
    """Compute the exact weights of image and noise: z_t = alpha * z_0 + sigma * epsilon.

    Args:
        alphas_cumprod: ``(T,)``, decreasing, in (0, 1).
        noise_ratio: r in (0, 1]; above 0.999 the image is ignored.

    Returns:
        alpha and sigma, with alpha^2 + sigma^2 = 1.

    Raises:
        UserError: `noise_ratio` is outside (0, 1].
    """
    timestep = start_timestep(noise_ratio, len(alphas_cumprod))
    if noise_ratio > PURE_NOISE:
        # The last training timestep still shows the image a little: alpha is 0.068, not 0.
        return 0.0, 1.0
    # From the cumulated alphas of training, never from `scheduler.add_noise`: that looks t up in
    # the grid of inference and, off the grid, silently takes the last step's noise (0.137 in place
    # of 0.958 for r = 0.7 with Stable Diffusion's betas). Nothing fails, the images are just those
    # of hardly any noise.
    alpha_bar = float(alphas_cumprod[timestep].double())
    return float(alpha_bar**0.5), float((1 - alpha_bar) ** 0.5)


def flow_coefficients(noise_ratio: float) -> tuple[float, float]:
    """Compute the weights of image and noise under flow matching: z = (1 - r) z_0 + r epsilon.

    The paper's two definitions, r sigma_max of noise and floor(r N) of N steps, contradict each
    other on a shifted grid; the noise is kept (see `sd3.StableDiffusion3`).

    Raises:
        UserError: `noise_ratio` is outside (0, 1].
    """
    check_noise_ratio(noise_ratio)
    return (0.0, 1.0) if noise_ratio > PURE_NOISE else (1 - noise_ratio, noise_ratio)
