"""Writes nist.csv, NIST's 27 nonlinear regressions, and nist_scipy.csv, what scipy's least_squares makes of them.

python3 generate_nist.py FOLDER   (numpy, scipy; FOLDER holds the .dat files of NIST's Statistical Reference Datasets,
                                   https://www.itl.nist.gov/div898/strd/nls/nls_main.shtml)

nist.csv: rows "observation", data set, y, x1, x2 (0 where there is one predictor); "parameter", data set, start 1,
start 2, certified value, certified standard deviation; "sum", data set, certified residual sum of squares.

nist_scipy.csv: data set, start, then for the methods trf, dogbox and lm, with x_scale = "jac", Jacobians to rounding (by
a complex step) and all tolerances 1e-15: whether every parameter has four digits at the end, calls of the residuals
until a trial point had them first, all calls of the residuals, all Jacobians.
"""
import csv
import os
import re
import sys

import numpy as np
from numpy import cos, exp, pi, sin
from scipy.optimize import least_squares


def arctan(z):
    """numpy's loses the imaginary part of a complex step."""
    return np.arctan(z.real) + 1j * z.imag / (1 + z.real**2) if np.iscomplexobj(z) else np.arctan(z)


def gauss(b, x):
    return b[0] * exp(-b[1] * x) + b[2] * exp(-((x - b[3]) ** 2) / b[4] ** 2) + b[5] * exp(-((x - b[6]) ** 2) / b[7] ** 2)


def lanczos(b, x):
    return b[0] * exp(-b[1] * x) + b[2] * exp(-b[3] * x) + b[4] * exp(-b[5] * x)


def cubic_ratio(b, x):
    return (b[0] + x * (b[1] + x * (b[2] + x * b[3]))) / (1 + x * (b[4] + x * (b[5] + x * b[6])))


def enso(b, x):
    def wave(c, s, period):
        return c * cos(2 * pi * x / period) + s * sin(2 * pi * x / period)
    return b[0] + wave(b[1], b[2], 12) + wave(b[4], b[5], b[3]) + wave(b[7], b[8], b[6])


def chwirut(b, x):
    return exp(-b[0] * x) / (b[1] + b[2] * x)


models = {
    "Bennett5": lambda b, x: b[0] * (b[1] + x) ** (-1 / b[2]),
    "BoxBOD": lambda b, x: b[0] * (1 - exp(-b[1] * x)),
    "Chwirut1": chwirut,
    "Chwirut2": chwirut,
    "DanWood": lambda b, x: b[0] * x ** b[1],
    "ENSO": enso,
    "Eckerle4": lambda b, x: b[0] / b[1] * exp(-0.5 * ((x - b[2]) / b[1]) ** 2),
    "Gauss1": gauss,
    "Gauss2": gauss,
    "Gauss3": gauss,
    "Hahn1": cubic_ratio,
    "Kirby2": lambda b, x: (b[0] + x * (b[1] + x * b[2])) / (1 + x * (b[3] + x * b[4])),
    "Lanczos1": lanczos,
    "Lanczos2": lanczos,
    "Lanczos3": lanczos,
    "MGH09": lambda b, x: b[0] * (x * x + x * b[1]) / (x * x + x * b[2] + b[3]),
    "MGH10": lambda b, x: b[0] * exp(b[1] / (x + b[2])),
    "MGH17": lambda b, x: b[0] + b[1] * exp(-x * b[3]) + b[2] * exp(-x * b[4]),
    "Misra1a": lambda b, x: b[0] * (1 - exp(-b[1] * x)),
    "Misra1b": lambda b, x: b[0] * (1 - (1 + b[1] * x / 2) ** -2),
    "Misra1c": lambda b, x: b[0] * (1 - (1 + 2 * b[1] * x) ** -0.5),
    "Misra1d": lambda b, x: b[0] * b[1] * x / (1 + b[1] * x),
    "Nelson": lambda b, x: b[0] - b[1] * x[:, 0] * exp(-b[2] * x[:, 1]),
    "Rat42": lambda b, x: b[0] / (1 + exp(b[1] - b[2] * x)),
    "Rat43": lambda b, x: b[0] / (1 + exp(b[1] - b[2] * x)) ** (1 / b[3]),
    "Roszman1": lambda b, x: b[0] - b[1] * x - arctan(b[2] / (x - b[3])) / pi,
    "Thurber": cubic_ratio,
}


def read(path):
    """Observations as text, and start 1, start 2, certified, deviation as text, and the sum of squares."""
    lines = open(path).read().splitlines()
    parameters = []
    for line in lines:
        if match := re.match(r"\s*b\d+\s*=\s*(\S+)\s+(\S+)\s+(\S+)\s+(\S+)", line):
            parameters.append(match.groups())
    total = next(line.split()[-1] for line in lines if "Residual Sum of Squares" in line)
    # Some copies of Roszman1.dat have 1.20196866396E-0 here, which is not where that sum of squares is.
    parameters = [tuple("2.0196866396E-01" if text == "1.20196866396E-0" else text for text in p) for p in parameters]
    begin = max(i for i, line in enumerate(lines) if line.startswith("Data:")) + 1
    return [line.split() for line in lines[begin:] if line.strip()], parameters, total


def four_digits(x, certified):
    with np.errstate(all="ignore"):
        return bool(np.all(np.abs(x - certified) <= 1e-4 * np.abs(certified)))


def inputs(name, observations):
    y = observations[:, 0]
    x = observations[:, 1:] if observations.shape[1] > 2 else observations[:, 1]
    return x, np.log(y) if name == "Nelson" else y


def run(name, start, observations, certified, method):
    x, target = inputs(name, observations)
    calls, first, jacobians = 0, 0, 0

    def residuals(b):
        nonlocal calls, first
        calls += 1
        if first == 0 and four_digits(b, certified):
            first = calls
        return models[name](b, x) - target

    def jacobian(b):
        nonlocal jacobians
        jacobians += 1
        J = np.empty((len(target), len(b)))
        for j in range(len(b)):
            moved = b.astype(complex)
            h = 1e-30 * max(abs(b[j]), 1e-30)
            moved[j] += 1j * h
            J[:, j] = models[name](moved, x).imag / h
        return J

    try:
        with np.errstate(all="ignore"):
            r = least_squares(residuals, start, jac=jacobian, method=method, x_scale="jac", ftol=1e-15, xtol=1e-15,
                              gtol=1e-15, max_nfev=2000)
        solved = four_digits(r.x, certified)
    except ValueError:  # residuals or a Jacobian that are not finite
        solved = False
    return [int(solved), first, calls, jacobians]


here = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(here, "nist.csv"), "w", newline="") as problems, \
        open(os.path.join(here, "nist_scipy.csv"), "w", newline="") as results:
    out = csv.writer(problems, lineterminator="\n")
    counts = csv.writer(results, lineterminator="\n")
    methods = ["trf", "dogbox", "lm"]
    counts.writerow(["data set", "start"] + [f"{m} {what}" for m in methods
                                             for what in ["solved", "until four digits", "residuals", "jacobians"]])
    solved = {m: 0 for m in methods}
    for name in models:
        rows, parameters, total = read(os.path.join(sys.argv[1], name + ".dat"))
        for row in rows:
            out.writerow(["observation", name, *row, *([0] if len(row) == 2 else [])])
        for parameter in parameters:
            out.writerow(["parameter", name, *parameter])
        out.writerow(["sum", name, total])
        numbers = np.array(rows, dtype=float)
        values = np.array(parameters, dtype=float)
        x, target = inputs(name, numbers)
        at_certified = np.sum((models[name](values[:, 2], x) - target) ** 2)
        assert name == "Lanczos1" or abs(at_certified / float(total) - 1) < 1e-6, name
        for k in [0, 1]:
            found = {m: run(name, values[:, k], numbers, values[:, 2], m) for m in methods}
            for m in methods:
                solved[m] += found[m][0]
            counts.writerow([name, k + 1, *(number for m in methods for number in found[m])])
    print(solved)
