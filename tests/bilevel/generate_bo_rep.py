"""Writes bo_rep.csv: BO-REP on a small problem without noise, in numpy from the algorithm.

    case, iterations, x1, x2, y1, y2, z1, z2

f = |y - t|^2 / 2 + 0.05 |x|^2,  g = sum of exp(x_i) y_i^2 / 2 + y_i^4 / 40, + 0.3 y_1 y_2 - c'y.
pip install numpy; python3 generate_bo_rep.py
"""

import csv
import os

import numpy as np

t, c = np.array([1.0, -0.5]), np.array([2.0, 1.0])

f_x = lambda x, y: 0.1 * x
f_y = lambda x, y: y - t
g_y = lambda x, y: np.exp(x) * y + y**3 / 10 + 0.3 * y[::-1] - c
g_yy = lambda x, y: np.diag(np.exp(x) + 0.3 * y**2) + 0.3 * np.array([[0.0, 1.0], [1.0, 0.0]])
g_xy = lambda x, y: np.diag(np.exp(x) * y)


def ball(y, center, radius):
    away = np.linalg.norm(y - center)
    return y if away <= radius else center + (y - center) * radius / away


def descend(x, y, step, steps, radius, average):
    center, points = y, []
    for _ in range(steps):
        y = ball(y - step * g_y(x, y), center, radius)
        points.append(y)
    return np.mean(points, axis=0) if average else y


def bo_rep(iterations, eta=0.02, beta=0.9, gamma=0.1, N=3, I=2, nu=0.05, R=np.inf, E=2, T0=5, normalize=True,
           average=True):
    x, y = np.array([0.5, -0.5]), np.array([0.2, 0.1])
    for e in range(E):
        y = descend(x, y, gamma * 2.0**-e, T0 * 2**e, R * 2.0**-e, True)
    if E == 0:
        y = descend(x, y, gamma, N, R, average)
    z, m = np.zeros(2), np.zeros(2)
    for k in range(iterations + 1):
        if k > 0 and k % I == 0:
            y = descend(x, y, gamma, N, R, average)
        z = z - nu * (g_yy(x, y) @ z - f_y(x, y))
        h = f_x(x, y) - g_xy(x, y) @ z
        if k == iterations:
            return x, y, z
        m = beta * m + (1 - beta) * h
        x = x - eta * m / (max(np.linalg.norm(m), 1e-10) if normalize else 1)


CASES = {
    "plain": {},
    "small ball": {"R": 0.05},
    "last point": {"average": False},
    "not normalized": {"normalize": False},
    "no refinement": {"E": 0},
    "no refinement, last point": {"E": 0, "average": False},
    "every third": {"I": 3, "N": 4},
    "no momentum": {"beta": 0},
}
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "bo_rep.csv"), "w", newline="") as file:
    writer = csv.writer(file, lineterminator="\n")
    for name, options in CASES.items():
        for iterations in (0, 1, 2, 7, 30):
            writer.writerow([name.replace(",", "")] + [iterations] +
                            ["%.17g" % v for part in bo_rep(iterations, **options) for v in part])
