#!/usr/bin/env python3
"""classical.csv: values of the classical test functions, by the formulas of Surjanovic and Bingham's Virtual Library
of Simulation Experiments (2013), in numpy; a line is name, value, x."""
import numpy as np
from numpy import cos, exp, pi, sin, sqrt

ALPHA = np.array([1.0, 1.2, 3.0, 3.2])
A3 = np.array([[3, 10, 30], [0.1, 10, 35], [3, 10, 30], [0.1, 10, 35]])
P3 = 1e-4 * np.array([[3689, 1170, 2673], [4699, 4387, 7470], [1091, 8732, 5547], [381, 5743, 8828]])
A6 = np.array([[10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14], [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14]])
P6 = 1e-4 * np.array([[1312, 1696, 5569, 124, 8283, 5886], [2329, 4135, 8307, 3736, 1004, 9991],
                      [2348, 1451, 3522, 2883, 3047, 6650], [4047, 8828, 8732, 5743, 1091, 381]])


def goldstein_price(x, y):
    return ((1 + (x + y + 1) ** 2 * (19 - 14 * x + 3 * x ** 2 - 14 * y + 6 * x * y + 3 * y ** 2))
            * (30 + (2 * x - 3 * y) ** 2 * (18 - 32 * x + 12 * x ** 2 + 48 * y - 36 * x * y + 27 * y ** 2)))


def levy(x):
    w = 1 + (x - 1) / 4
    return (sin(pi * w[0]) ** 2 + np.sum((w[:-1] - 1) ** 2 * (1 + 10 * sin(pi * w[:-1] + 1) ** 2))
            + (w[-1] - 1) ** 2 * (1 + sin(2 * pi * w[-1]) ** 2))


OF_TWO = {
    'Booth': lambda x, y: (x + 2 * y - 7) ** 2 + (2 * x + y - 5) ** 2,
    'Matyas': lambda x, y: 0.26 * (x ** 2 + y ** 2) - 0.48 * x * y,
    'Himmelblau': lambda x, y: (x ** 2 + y - 11) ** 2 + (x + y ** 2 - 7) ** 2,
    'McCormick': lambda x, y: sin(x + y) + (x - y) ** 2 - 1.5 * x + 2.5 * y + 1,
    'SixHumpCamel': lambda x, y: (4 - 2.1 * x ** 2 + x ** 4 / 3) * x ** 2 + x * y + (-4 + 4 * y ** 2) * y ** 2,
    'ThreeHumpCamel': lambda x, y: 2 * x ** 2 - 1.05 * x ** 4 + x ** 6 / 6 + x * y + y ** 2,
    'GoldsteinPrice': goldstein_price,
    'Branin': lambda x, y: (y - 5.1 / (4 * pi ** 2) * x ** 2 + 5 / pi * x - 6) ** 2 + 10 * (1 - 1 / (8 * pi)) * cos(x) + 10,
    'Easom': lambda x, y: -cos(x) * cos(y) * exp(-(x - pi) ** 2 - (y - pi) ** 2),
    'Bohachevsky1': lambda x, y: x ** 2 + 2 * y ** 2 - 0.3 * cos(3 * pi * x) - 0.4 * cos(4 * pi * y) + 0.7,
    'DropWave': lambda x, y: -(1 + cos(12 * sqrt(x ** 2 + y ** 2))) / (0.5 * (x ** 2 + y ** 2) + 2),
}
OF_MANY = {
    'Ackley': lambda x: -20 * exp(-0.2 * sqrt(np.mean(x ** 2))) - exp(np.mean(cos(2 * pi * x))) + 20 + np.e,
    'Rastrigin': lambda x: 10 * len(x) + np.sum(x ** 2 - 10 * cos(2 * pi * x)),
    'Griewank': lambda x: np.sum(x ** 2) / 4000 - np.prod(cos(x / sqrt(np.arange(1, len(x) + 1)))) + 1,
    'StyblinskiTang': lambda x: 0.5 * np.sum(x ** 4 - 16 * x ** 2 + 5 * x),
    'Levy': levy,
    'Schwefel': lambda x: 418.9828872724338 * len(x) - np.sum(x * sin(sqrt(abs(x)))),
    'Zakharov': lambda x: (lambda s: np.sum(x ** 2) + s ** 2 + s ** 4)(np.sum(0.5 * np.arange(1, len(x) + 1) * x)),
    'DixonPrice': lambda x: (x[0] - 1) ** 2 + np.sum(np.arange(2, len(x) + 1) * (2 * x[1:] ** 2 - x[:-1]) ** 2),
    'Trid': lambda x: np.sum((x - 1) ** 2) - np.sum(x[1:] * x[:-1]),
}


def hartmann(a, p, x):
    return -np.sum(ALPHA * exp(-np.sum(a * (x - p) ** 2, axis=1)))


def line(name, value, x):
    print(name, *(repr(float(v)) for v in [value, *x]), sep=',')


for name, f in OF_TWO.items():
    for x in [(0.3, -0.7), (2.9, 3.4), (-1.15, 0.62)]:
        line(name, f(*x), x)
for name, f in OF_MANY.items():
    for x in [(0.3, -0.7, 1.1, 0.6), (-2.3, 0.25, 1.7), (31.5, -12.25), (0.85,)]:
        line(name, f(np.array(x)), x)
for a, p, name in [(A3, P3, 'Hartmann3'), (A6, P6, 'Hartmann6')]:
    for shift in [0.0, 0.13, 0.41]:
        x = (0.2 + shift * np.arange(1, p.shape[1] + 1)) % 1
        line(name, hartmann(a, p, x), x)
