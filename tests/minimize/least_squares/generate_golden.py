"""Writes golden.csv: fits of b1 exp(-b2 t) + b3 to 20 observations, 3 of them outliers, by scipy's least_squares.

python3 generate_golden.py   (numpy, scipy)

Rows: "data", t, y, 0; "loss NAME", scale, 0, 0 and "box", low of each parameter, then high of each, each followed by a row
"solution" with the three parameters. Polished with all tolerances 1e-15.
"""
import csv
import os

import numpy as np
from scipy.optimize import least_squares

rng = np.random.default_rng(7)
t = np.arange(20) / 4
y = np.round(3 * np.exp(-0.8 * t) + 0.5 + 0.05 * rng.standard_normal(20), 4)
y[[3, 9, 15]] += [2.0, -1.5, 3.0]


def residuals(b):
    return b[0] * np.exp(-b[1] * t) + b[2] - y


def jacobian(b):
    e = np.exp(-b[1] * t)
    return np.stack([e, -b[0] * t * e, np.ones_like(t)], axis=1)


def tukey(z):
    rest = np.maximum(1 - z, 0)
    return np.array([(1 - rest**3) / 3, rest**2, np.where(z < 1, -2 * rest, 0)])


def solve(start, **options):
    return least_squares(residuals, start, jac=jacobian, ftol=1e-15, xtol=1e-15, gtol=1e-15, max_nfev=10000,
                         **options).x


with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "golden.csv"), "w", newline="") as file:
    out = csv.writer(file, lineterminator="\n")

    def write(kind, *numbers):
        out.writerow([kind, *(repr(float(number)) for number in numbers)])

    for i in range(20):
        write("data", t[i], y[i], 0)
    for name, loss, scale in [("plain", "linear", 1), ("huber", "huber", 0.1), ("cauchy", "cauchy", 0.1),
                              ("tukey", tukey, 0.4)]:
        write("loss " + name, scale, 0, 0)
        write("solution", *solve([2.5, 0.7, 0.6], loss=loss, f_scale=scale, method="trf"))
    for low, high in [([0, 0, 0], [2, 5, 5]), ([0, 1, 0], [9, 9, 9]), ([0, 0, 0.9], [2.5, 5, 5]),
                      ([0, 0, 0], [1, 0.5, 0.4]), ([-9, -9, -9], [9, 9, 9])]:
        write("box", *low, *high)
        middle = (np.array(low) + high) / 2
        x = solve(middle, bounds=(low, high), method="dogbox")
        write("solution", *x)
