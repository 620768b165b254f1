"""Writes bounded.csv: problems with bounds, their least values and the calls that scipy's L-BFGS-B takes.

python3 generate_golden.py   (numpy, scipy)

Problems: those of Hock and Schittkowski's collection (1981) that have nothing but bounds, but for number 25, whose
gradient vanishes at its start; and problems of More, Garbow and Hillstrom (1981) between bounds, some of them those of
Gay (1984), chosen so that a bound is met at the solution. Gradients are exact, by a complex step.

Columns: name, n, least value, calls until f is within 1e-6 max(1, |least|) of it, all calls until the largest
coefficient of P(x - g) - x is below 1e-6, then n starts, n lower bounds, n upper bounds. scipy runs with maxcor=10,
ftol=0.
"""
import csv
import os

import numpy as np
from scipy.optimize import minimize

inf = np.inf


def squares(residuals):
    return lambda x: sum(r * r for r in residuals(x))


def hs5(x):
    return np.sin(x[0] + x[1]) + (x[0] - x[1]) ** 2 - 1.5 * x[0] + 2.5 * x[1] + 1


def hs110(x):
    return (np.log(x - 2) ** 2 + np.log(10 - x) ** 2).sum() - np.exp(0.2 * np.log(x).sum())


rosenbrock = squares(lambda x: [10 * (x[1] - x[0] ** 2), 1 - x[0]])
wood = squares(lambda x: [10 * (x[1] - x[0] ** 2), 1 - x[0], np.sqrt(90) * (x[3] - x[2] ** 2), 1 - x[2],
                          np.sqrt(10) * (x[1] + x[3] - 2), (x[1] - x[3]) / np.sqrt(10)])
beale = squares(lambda x: [y - x[0] * (1 - x[1] ** (i + 1)) for i, y in enumerate([1.5, 2.25, 2.625])])
gauss_y = [0.0009, 0.0044, 0.0175, 0.0540, 0.1295, 0.2420, 0.3521, 0.3989]
gaussian = squares(lambda x: [x[0] * np.exp(-0.5 * x[1] * ((8 - i) / 2 - x[2]) ** 2)
                              - gauss_y[i - 1 if i <= 8 else 15 - i] for i in range(1, 16)])
box3d = squares(lambda x: [np.exp(-0.1 * i * x[0]) - np.exp(-0.1 * i * x[1])
                           - x[2] * (np.exp(-0.1 * i) - np.exp(-i)) for i in range(1, 11)])
powell_singular = squares(lambda x: [x[0] + 10 * x[1], np.sqrt(5) * (x[2] - x[3]), (x[1] - 2 * x[2]) ** 2,
                                     np.sqrt(10) * (x[0] - x[3]) ** 2])
brown_dennis = squares(lambda x: [(x[0] + t * x[1] - np.exp(t)) ** 2 + (x[2] + np.sin(t) * x[3] - np.cos(t)) ** 2
                                  for t in [i / 5 for i in range(1, 21)]])
biggs = squares(lambda x: [x[2] * np.exp(-t * x[0]) - x[3] * np.exp(-t * x[1]) + x[5] * np.exp(-t * x[4])
                           - (np.exp(-t) - 5 * np.exp(-10 * t) + 3 * np.exp(-4 * t))
                           for t in [0.1 * i for i in range(1, 14)]])
kowalik = squares(lambda x: [y - x[0] * (u * u + u * x[1]) / (u * u + u * x[2] + x[3]) for u, y in zip(
    [4, 2, 1, 0.5, 0.25, 0.167, 0.125, 0.1, 0.0833, 0.0714, 0.0625],
    [0.1957, 0.1947, 0.1735, 0.1600, 0.0844, 0.0627, 0.0456, 0.0342, 0.0323, 0.0235, 0.0246])])


def extended_rosenbrock(x):
    return (100 * (x[1::2] - x[::2] ** 2) ** 2 + (1 - x[::2]) ** 2).sum()


def penalty(x):
    return 1e-5 * ((x - 1) ** 2).sum() + ((x * x).sum() - 0.25) ** 2


def variably_dimensioned(x):
    s = (np.arange(1, len(x) + 1) * (x - 1)).sum()
    return ((x - 1) ** 2).sum() + s ** 2 + s ** 4


def trigonometric(x):
    n = len(x)
    return ((n - np.cos(x).sum() + np.arange(1, n + 1) * (1 - np.cos(x)) - np.sin(x)) ** 2).sum()


def broyden(x):
    r = (3 - 2 * x) * x + 1
    r[1:] -= x[:-1]
    r[:-1] -= 2 * x[1:]
    return (r ** 2).sum()


def upto(n, value):
    return [value] * n


problems = [
    ("hs1", rosenbrock, [-2, 1], [-inf, -1.5], [inf, inf]),
    ("hs2", rosenbrock, [-2, 1], [-inf, 1.5], [inf, inf]),
    ("hs3", lambda x: x[1] + 1e-5 * (x[1] - x[0]) ** 2, [10, 1], [-inf, 0], [inf, inf]),
    ("hs4", lambda x: (x[0] + 1) ** 3 / 3 + x[1], [1.125, 0.125], [1, 0], [inf, inf]),
    ("hs5", hs5, [0, 0], [-1.5, -3], [4, 3]),
    ("hs38", wood, [-3, -1, -3, -1], upto(4, -10), upto(4, 10)),
    ("hs45", lambda x: 2 - x[0] * x[1] * x[2] * x[3] * x[4] / 120, upto(5, 2), upto(5, 0), [1, 2, 3, 4, 5]),
    ("hs110", hs110, upto(10, 9), upto(10, 2.001), upto(10, 9.999)),
    ("beale", beale, [1, 1], [0.6, 0.5], [10, 100]),
    ("gaussian", gaussian, [0.4, 1, 0], [0.398, 1, -0.5], [4.2, 2, 0.1]),
    ("box3d", box3d, [0, 9.5, 20], [0, 5, 0], [2, 9.5, 20]),
    ("powell_singular", powell_singular, [3, -1, 0, 1], [0.1, -20, -1, -1], [100, 20, 1, 1]),
    ("wood", wood, [-3, -1, -3, -1], [-100, -100, -100, -100], [0, 10, 100, 100]),
    ("kowalik_osborne", kowalik, [0.25, 0.39, 0.415, 0.39], [0, -1, 0.13, 0.12], [10, 12, 13, 12]),
    ("brown_dennis", brown_dennis, [25, 5, -5, -1], [-10, 0, -100, -20], [100, 15, 0, 0.2]),
    ("biggs", biggs, [1, 2, 1, 1, 1, 1], [0, 0, 0, 1, 0, 0], [2, 8, 1, 7, 5, 5]),
    ("extended_rosenbrock", extended_rosenbrock, [-1.2, 1] * 25, [-inf] * 50, [0.8, inf, inf, inf] * 12 + [0.8, inf]),
    ("penalty", penalty, list(range(1, 11)), [0, 1] + [0] * 8, [100] * 10),
    ("variably_dimensioned", variably_dimensioned, [1 - i / 10 for i in range(1, 11)], upto(10, 0),
     [0.7, 2, 2, 0.5] + upto(6, 2)),
    ("trigonometric", trigonometric, upto(10, 0.1), [0.05] + upto(9, 0), upto(10, 0.2)),
    ("broyden_tridiagonal", broyden, upto(50, -1), [-0.6] * 50, [-0.3, 1] * 25),
]


def run(f, start, low, high, gtol, maxcor=10):
    values = []

    def both(x):
        z = x.astype(complex)
        g = np.empty(len(x))
        for i in range(len(x)):
            z[i] += 1e-200j
            g[i] = f(z).imag / 1e-200
            z[i] = x[i]
        values.append(float(f(x)))
        return values[-1], g

    r = minimize(both, np.clip(start, low, high), jac=True, method="L-BFGS-B", bounds=list(zip(low, high)),
                 options={"maxcor": maxcor, "ftol": 0, "gtol": gtol, "maxiter": 5000, "maxfun": 5000, "maxls": 20})
    step = np.clip(r.x - r.jac, low, high) - r.x
    return r, values, np.abs(step).max()


def number(x):
    return repr(float(x))


with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "bounded.csv"), "w", newline="") as file:
    out = csv.writer(file, lineterminator="\n")
    for name, f, start, low, high in problems:
        start, low, high = (np.array(v, float) for v in (start, low, high))
        best = run(f, start, low, high, 1e-13, 20)
        for _ in range(3):
            again = run(f, best[0].x, low, high, 1e-13, 20)
            if again[0].fun < best[0].fun or again[2] < best[2]:
                best = again
        least = best[0].fun
        r, values, measure = run(f, start, low, high, 1e-6)
        near = next((k + 1 for k, v in enumerate(values) if v <= least + 1e-6 * max(1, abs(least))), 0)
        at_bound = int(((best[0].x == low) | (best[0].x == high)).sum())
        print(f"{name:22} n {len(start):3} least {least:.12g} measure {best[2]:.1e} at bounds {at_bound} "
              f"calls {near} of {len(values)}, {measure:.1e}")
        assert near > 0 and best[2] <= 1e-6 * max(1, abs(least))
        out.writerow([name, len(start), number(least), near, len(values), *map(number, start), *map(number, low),
                      *map(number, high)])
