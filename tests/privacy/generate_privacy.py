"""Golden numbers of tests/privacy, from the definitions with numpy and scipy; prints them. python generate_privacy.py"""
import decimal
import math

import numpy as np
from scipy import integrate, special, stats


def gaussian_delta(epsilon, noise):
    """The hockey-stick divergence of N(1, s^2) from N(0, s^2), through logarithms of the distribution."""
    u, v = 1 / (2 * noise), epsilon * noise
    return np.exp(special.log_ndtr(u - v)) - np.exp(epsilon + special.log_ndtr(-u - v))


def hockey_stick_by_quadrature(epsilon, noise):
    start = epsilon * noise**2 + 0.5  # where p = e^epsilon q
    f = lambda x: stats.norm.pdf(x, 1, noise) - np.exp(epsilon) * stats.norm.pdf(x, 0, noise)
    return integrate.quad(f, start, start + 60 * noise, epsabs=0, epsrel=1e-11, limit=500)[0]


def sampled_divergence(order, noise, rate):
    """ln E_{x ~ N(0, s^2)} (mixture(x) / p0(x))^a / (a - 1), by quadrature of the definition."""
    def f(x):
        ratio = (1 - rate) + rate * np.exp((2 * x - 1) / (2 * noise**2))
        return stats.norm.pdf(x, 0, noise) * (ratio**order - 1)
    peak = float(order)
    total = sum(integrate.quad(f, a, b, epsabs=0, epsrel=1e-12, limit=500)[0]
                for a, b in [(-40 * noise, 0), (0, peak), (peak, peak + 40 * noise)])
    return np.log1p(total) / (order - 1)


def sampled_divergence_of_decimals(order, noise, rate):
    """The sum over k with 60 digits."""
    decimal.getcontext().prec = 60
    q, s = decimal.Decimal(rate), decimal.Decimal(noise)
    total = sum(math.comb(order, k) * (1 - q) ** (order - k) * q**k * ((k * k - k) / (2 * s * s)).exp()
                for k in range(order + 1))
    return total.ln() / (order - 1)


print("gaussian_delta")
for epsilon, noise in [(0, 1), (0.5, 2), (1, 4), (4, 1), (10, 0.5), (30, 0.5), (200, 0.05)]:
    print(f"  {{{epsilon}, {noise}, {gaussian_delta(epsilon, noise):.15e}}},  {hockey_stick_by_quadrature(epsilon, noise):.10e}")
print("sampled divergence")
for order, noise, rate in [(2, 1.1, 0.01), (8, 1.1, 256 / 60000), (16, 2, 0.1), (5, 1, 0.5)]:
    print(f"  {{{order}, {noise}, {rate!r}, {sampled_divergence(order, noise, rate):.12e}}},")
print(f"  {{3, 4, 1e-5, {sampled_divergence_of_decimals(3, '4', '1e-5'):.12e}}}")
