"""Writes golden.csv: the test problems of problems.hpp written again in sympy, AdaSketch-Newton with exact steps written
again in numpy, and minimizers polished by Newton's method on the KKT equations.

    name, iterations, f, measure, eta1, eta2 at the end of the run, least |R| after polishing, f at the polished point

pip install numpy sympy; python3 generate_golden.py
"""

import csv
import os

import numpy as np
import sympy as sp

x = sp.symbols("x1:11")
x1, x2, x3, x4, x5, x6, x7, x8, x9, x10 = x
r2 = sp.sqrt(2)
f49 = (x1 - x2) ** 2 + (x3 - 1) ** 2 + (x4 - 1) ** 4 + (x5 - 1) ** 6
f51 = (x1 - x2) ** 2 + (x2 + x3 - 2) ** 2 + (x4 - 1) ** 2 + (x5 - 1) ** 2
c77 = lambda a, b: [x1**2 * x4 + sp.sin(x4 - x5) - a, x2 + x3**4 * x4**2 - b]
a = float(np.arcsin(np.sqrt(1 / 4.2)))
b = float(np.arcsin(np.sqrt(5 / 7.2)))
root2 = float(np.sqrt(2))

PROBLEMS = {
    "HS6": ((1 - x1) ** 2, [10 * (x2 - x1**2)], [-1.2, 1]),
    "HS7": (sp.log(1 + x1**2) - x2, [(1 + x1**2) ** 2 + x2**2 - 4], [2, 2]),
    "HS8": (sp.Integer(-1), [x1**2 + x2**2 - 25, x1 * x2 - 9], [2, 1]),
    "HS9": (sp.sin(sp.pi * x1 / 12) * sp.cos(sp.pi * x2 / 16), [4 * x1 - 3 * x2], [0, 0]),
    "HS26": ((x1 - x2) ** 2 + (x2 - x3) ** 4, [(1 + x2**2) * x1 + x3**4 - 3], [-2.6, 2, 2]),
    "HS27": ((x1 - 1) ** 2 / 100 + (x2 - x1**2) ** 2, [x1 + x3**2 + 1], [2, 2, 2]),
    "HS28": ((x1 + x2) ** 2 + (x2 + x3) ** 2, [x1 + 2 * x2 + 3 * x3 - 1], [-4, 1, 1]),
    "HS39": (-x1, [x2 - x1**3 - x3**2, x1**2 - x2 - x4**2], [2] * 4),
    "HS40": (-x1 * x2 * x3 * x4, [x1**3 + x2**2 - 1, x1**2 * x4 - x3, x4**2 - x2], [0.8] * 4),
    "HS42": (sum((x[i] - i - 1) ** 2 for i in range(4)), [x1 - 2, x3**2 + x4**2 - 2], [1] * 4),
    "HS46": (f49, c77(1, 2), [root2 / 2, 1.75, 0.5, 2, 2]),
    "HS47": ((x1 - x2) ** 2 + (x2 - x3) ** 3 + (x3 - x4) ** 4 + (x4 - x5) ** 4,
             [x1 + x2**2 + x3**3 - 3, x2 - x3**2 + x4 - 1, x1 * x5 - 1], [2, root2, -1, 2 - root2, 0.5]),
    "HS48": ((x1 - 1) ** 2 + (x2 - x3) ** 2 + (x4 - x5) ** 2,
             [x1 + x2 + x3 + x4 + x5 - 5, x3 - 2 * (x4 + x5) + 3], [3, 5, -3, 2, -2]),
    "HS49": (f49, [x1 + x2 + x3 + 4 * x4 - 7, x3 + 5 * x5 - 6], [10, 7, 2, -3, 0.8]),
    "HS50": ((x1 - x2) ** 2 + (x2 - x3) ** 2 + (x3 - x4) ** 4 + (x4 - x5) ** 2,
             [x[i] + 2 * x[i + 1] + 3 * x[i + 2] - 6 for i in range(3)], [35, -31, 11, 5, -5]),
    "HS51": (f51, [x1 + 3 * x2 - 4, x3 + x4 - 2 * x5, x2 - x5], [2.5, 0.5, 2, -1, 0.5]),
    "HS52": ((4 * x1 - x2) ** 2 + (x2 + x3 - 2) ** 2 + (x4 - 1) ** 2 + (x5 - 1) ** 2,
             [x1 + 3 * x2, x3 + x4 - 2 * x5, x2 - x5], [2] * 5),
    "HS56": (-x1 * x2 * x3,
             [x[i] - sp.Rational(42, 10) * sp.sin(x[3 + i]) ** 2 for i in range(3)]
             + [x1 + 2 * x2 + 2 * x3 - sp.Rational(72, 10) * sp.sin(x7) ** 2], [1, 1, 1, a, a, a, b]),
    "HS61": (4 * x1**2 + 2 * x2**2 + 2 * x3**2 - 33 * x1 + 16 * x2 - 24 * x3,
             [3 * x1 - 2 * x2**2 - 7, 4 * x1 - x3**2 - 11], [0, 0, 0]),
    "HS77": ((x1 - 1) ** 2 + f49, c77(2 * r2, 8 + r2), [2] * 5),
    "HS78": (x1 * x2 * x3 * x4 * x5,
             [x1**2 + x2**2 + x3**2 + x4**2 + x5**2 - 10, x2 * x3 - 5 * x4 * x5, x1**3 + x2**3 + 1],
             [-2, 1.5, 2, -1, -1]),
    "HS79": ((x1 - 1) ** 2 + (x1 - x2) ** 2 + (x2 - x3) ** 2 + (x3 - x4) ** 4 + (x4 - x5) ** 4,
             [x1 + x2**2 + x3**3 - 2 - 3 * r2, x2 - x3**2 + x4 + 2 - 2 * r2, x1 * x5 - 2], [2] * 5),
    "HS100LNP": ((x1 - 10) ** 2 + 5 * (x2 - 12) ** 2 + x3**4 + 3 * (x4 - 11) ** 2 + 10 * x5**6 + 7 * x6**2 + x7**4
                 - 4 * x6 * x7 - 10 * x6 - 8 * x7,
                 [127 - 2 * x1**2 - 3 * x2**4 - x3 - 4 * x4**2 - 5 * x5,
                  -4 * x1**2 - x2**2 + 3 * x1 * x2 - 2 * x3**2 - 5 * x6 + 11 * x7], [1, 2, 0, 4, 0, 1, 1]),
    "BYRDSPHR": (-x1 - x2 - x3, [x1**2 + x2**2 + x3**2 - 9, (x1 - 1) ** 2 + x2**2 + x3**2 - 9], [5, 1e-4, -1e-4]),
    "BT1": (100 * (x1**2 + x2**2) - x1 - 100, [x1**2 + x2**2 - 1], [0.08, 0.06]),
    "BT2": ((x1 - 1) ** 2 + (x1 - x2) ** 2 + (x2 - x3) ** 4, [x1 * (1 + x2**2) + x3**4 - 4 - 3 * r2], [10] * 3),
    "BT3": (f51, [x1 + 3 * x2, x3 + x4 - 2 * x5, x2 - x5], [20] * 5),
    "BT5": (1000 - x1**2 - x3**2 - 2 * x2**2 - x1 * x2 - x1 * x3,
            [x1**2 + x2**2 + x3**2 - 25, 8 * x1 + 14 * x2 + 7 * x3 - 56], [2] * 3),
    "BT10": (-x1, [x2 - x1**3, x1**2 - x2], [2, 2]),
    "BT12": (x1**2 / 100 + x2**2, [x1 + x2 - x3**2 - 25, x1**2 + x2**2 - x4**2 - 25, x1 - x5**2 - 2], [2] * 5),
    "MARATOS": (-x1 + sp.Rational(1, 10**6) * (x1**2 + x2**2 - 1), [x1**2 + x2**2 - 1], [1.1, 0.1]),
    "GENHS28": (sum((x[i] + x[i + 1]) ** 2 for i in range(9)),
                [x[i] + 2 * x[i + 1] + 3 * x[i + 2] - 1 for i in range(8)], [-4] + [1] * 9),
}


class Functions:
    def __init__(self, f, c, n):
        v, lam = list(x[:n]), list(sp.symbols(f"l1:{len(c) + 1}"))
        C = sp.Matrix(c)
        self.f = sp.lambdify([v], f)
        self.g = sp.lambdify([v], [sp.diff(f, t) for t in v])
        self.c = sp.lambdify([v], list(C))
        self.J = sp.lambdify([v], C.jacobian(v))
        self.H = sp.lambdify([v, lam], sp.hessian(f + sum(l * e for l, e in zip(lam, c)), v))

    def at(self, z, lam):
        g, c, J = (np.array(e(list(z)), float) for e in (self.g, self.c, self.J))
        return float(self.f(list(z))), g, c, J, g + J.T @ lam

    def hessian(self, z, lam):
        return np.array(self.H(list(z), list(lam)), float)


def adasketch(F, z, m, tol=1e-4, eta1=1.0, eta2=0.1, xi=0.1, beta=0.1, nu=1.5):
    lam = np.zeros(m)
    n = len(z)
    for k in range(101):
        f, g, c, J, gL = F.at(z, lam)
        b = -np.concatenate([gL, c])
        if np.linalg.norm(b) <= tol or k == 100:
            return z, lam, k, f, np.linalg.norm(b), eta1, eta2, False
        if np.linalg.svd(J, compute_uv=False)[-1] ** 2 < 1e-2:
            return z, lam, k, f, np.linalg.norm(b), eta1, eta2, True
        H = F.hessian(z, lam)
        B = H.copy()
        if m < n:
            Z = np.linalg.svd(J)[2][m:].T
            if np.linalg.eigvalsh(Z.T @ H @ Z)[0] < 1e-6:
                B += (xi + np.linalg.norm(H)) * np.eye(n)
        d = np.linalg.solve(np.block([[B, J.T], [J, np.zeros((m, m))]]), b)
        merit = lambda f, c, lam, gL: f + c @ lam + eta1 / 2 * c @ c + eta2 / 2 * gL @ gL
        while True:
            q = np.concatenate([gL + eta2 * H @ gL + eta1 * J.T @ c, c + eta2 * J @ gL]) @ d
            if eta1 > 1e8 or eta2 < 1e-8 or q <= -eta2 / 2 * b @ b:
                break
            eta1, eta2 = nu**2 * eta1, eta2 / nu
        alpha, last = 1.0, merit(f, c, lam, gL)
        while True:
            nz, nlam = z + alpha * d[:n], lam + alpha * d[n:]
            nf, _, nc, _, ngL = F.at(nz, nlam)
            if merit(nf, nc, nlam, ngL) <= last + alpha * beta * q:
                break
            alpha /= 2
        z, lam = nz, nlam


def polish(F, z, lam):
    """Newton steps by least squares, which also serve where the reduced Hessian is singular."""
    best = None
    for _ in range(200):
        f, g, c, J, gL = F.at(z, lam)
        b = -np.concatenate([gL, c])
        if best is None or np.linalg.norm(b) < best[0]:
            best = np.linalg.norm(b), f
        K = np.block([[F.hessian(z, lam), J.T], [J, np.zeros((len(lam), len(lam)))]])
        d = np.linalg.lstsq(K, b, rcond=1e-14)[0]
        z, lam = z + d[: len(z)], lam + d[len(z):]
    return best


with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "golden.csv"), "w", newline="") as out:
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["name", "singular", "iterations", "value", "measure", "eta1", "eta2", "kkt", "polished"])
    for name, (f, c, start) in PROBLEMS.items():
        F = Functions(f, c, len(start))
        z, lam, k, value, R, eta1, eta2, singular = adasketch(F, np.array(start, float), len(c))
        kkt, polished = (float("nan"),) * 2 if singular else polish(F, z, lam)
        writer.writerow([name, int(singular), k] + [repr(float(t)) for t in (value, R, eta1, eta2, kkt, polished)])
