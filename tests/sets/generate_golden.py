"""Writes projections.csv: points and what sets and proxes make of them, by methods other than the library's.

Thresholds by bisection in extended precision, functions of one coefficient by bisection of the derivative, matrices by
numpy's decompositions, total variation by the dual with bounded least squares, the permutahedron by its faces.
Run as: python3 generate_golden.py > projections.csv
"""
import itertools

import numpy as np
from scipy.optimize import lsq_linear
from scipy.special import log_softmax, rel_entr

L = np.longdouble
random = np.random.default_rng(20)


def root(falling, low, high):
    """The zero of a falling function."""
    low, high = L(low), L(high)
    for _ in range(200):
        middle = (low + high) / 2
        if falling(middle) > 0:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def far(v):
    return 10 * (1 + np.max(np.abs(v), initial=0))


def simplex(v, z):
    v = L(1) * v
    t = root(lambda t: np.maximum(v - t, 0).sum() - z, -far(v) - 10 * z, far(v))
    return np.maximum(v - t, 0)


def capped(v, z, u):
    v = L(1) * v
    t = root(lambda t: np.clip(v - t, 0, u).sum() - z, -far(v) - 10 * z, far(v))
    return np.clip(v - t, 0, u)


def l1_ball(v, r, w=1.0):
    v, w = L(1) * v, L(1) * w * np.ones(len(v))
    if (w * np.abs(v)).sum() <= r:
        return v
    t = root(lambda t: (w * np.maximum(np.abs(v) - t * w, 0)).sum() - r, 0, far(v) / w.min())
    return np.sign(v) * np.maximum(np.abs(v) - t * w, 0)


def ball(v, r, c):
    d = v - c
    if np.linalg.norm(d) <= r:
        return v
    m = root(lambda m: np.linalg.norm(d) / (1 + m) - r, 0, 1e6)  # of |x - v|^2 / 2 + m (|x - c|^2 - r^2) / 2
    return c + d / (1 + m)


def second_order(v):
    x, s = v[:-1], v[-1]
    length = np.linalg.norm(x)
    # along x / |x|: (a - |x|)^2 + (max(a, s) - s)^2 with a >= 0, in which the slope rises
    a = root(lambda a: (length - a) - np.maximum(a - s, 0), 0, 1 + length)
    return np.append(x * (a / length), max(a, s))


def affine(v, A, b):
    m = len(b)
    kkt = np.block([[np.eye(len(v)), A.T], [A, np.zeros((m, m))]])
    return np.linalg.solve(kkt, np.append(v, b))[: len(v)]


def halfspace(v, a, b):
    return v if a @ v <= b else affine(v, a[None, :], np.array([b]))


def semidefinite(v, n):
    values, vectors = np.linalg.eigh((v.reshape(n, n) + v.reshape(n, n).T) / 2)
    return ((vectors * np.maximum(values, 0)) @ vectors.T).ravel()


def permutahedron(v, w):
    n = len(v)
    falling = np.sort(w)[::-1]
    faces = [s for k in range(1, n) for s in itertools.combinations(range(n), k)]
    rows = {s: np.isin(np.arange(n), s).astype(float) for s in faces}
    best = None
    for k in range(n):
        for active in itertools.combinations(faces, k):
            A = np.array([np.ones(n)] + [rows[s] for s in active])
            b = np.array([falling.sum()] + [falling[: len(s)].sum() for s in active])
            if np.linalg.matrix_rank(A) < len(A):
                continue
            x = affine(v, A, b)
            if all(rows[s] @ x <= falling[: len(s)].sum() + 1e-12 for s in faces):
                if best is None or np.linalg.norm(x - v) < np.linalg.norm(best - v):
                    best = x
    return best


def scalar(v, step, slope, low=-1e4, high=1e4):
    """argmin h(z) + |z - v|^2 / (2 step) from the slope of h, per coefficient."""
    return np.array([root(lambda z: (x - z) / step - slope(z), low, high) for x in L(1) * v])


def clip_largest(v, amount):
    if np.abs(v).sum() <= amount:
        return 0 * v
    t = root(lambda t: np.maximum(np.abs(L(1) * v) - t, 0).sum() - amount, 0, far(v))
    return np.clip(L(1) * v, -t, t)


def cut_largest(v, amount):
    t = root(lambda t: np.maximum(L(1) * v - t, 0).sum() - amount, -far(v) - 10 * amount, far(v))
    return np.minimum(L(1) * v, t)


def spectral(v, rows, change):
    U, s, Vt = np.linalg.svd(v.reshape(-1, rows).T, full_matrices=False)  # by columns
    return ((U * change(s)) @ Vt).T.ravel()


def shrink(v, amount):
    length = np.linalg.norm(v)
    if length <= amount:
        return 0 * v
    m = root(lambda a: (length - a) - amount, 0, length)  # the slope along v / |v|
    return v * (m / length)


def sparse_group(v, l1, l2, sizes):
    soft = np.sign(v) * np.maximum(np.abs(v) - l1, 0)
    return np.concatenate([shrink(g, l2) for g in np.split(soft, np.cumsum(sizes)[:-1])])


def total_variation(v, amount):
    n = len(v)
    if n < 2:
        return v
    D = np.diff(np.eye(n), axis=0)
    u = lsq_linear(D.T, v, (-amount, amount), method="bvls", tol=1e-15, max_iter=1000).x
    return v - D.T @ u


u6 = np.array([0.5, 1, 0.25, 2, 0.75, 1])
w6 = np.array([1, 2, 0.5, 1, 3, 1])
A26 = np.array([[1, 2, 0, -1, 0.5, 1], [0, 1, 1, 1, -2, 0.25]])
b2 = np.array([1, -0.5])
a6 = np.array([1, -2, 0.5, 0, 1, 3])
c6 = np.array([1, 0, -1, 0.5, 0, 2])
Q6 = np.diag([2, 1, 0.5, 0, 3, 1]) + 0.25 * np.ones((6, 6))
q6 = np.array([1, -1, 0, 0.5, 0.25, -2])
l6, h6 = -0.5 * u6, u6

cases = {
    "Box": lambda v: np.minimum(np.maximum(v, l6), h6),
    "Ball": lambda v: ball(v, 1.5, 0 * v),
    "Ball center": lambda v: ball(v, 1.5, c6),
    "Simplex": lambda v: simplex(v, 1),
    "Simplex 2.5": lambda v: simplex(v, 2.5),
    "CappedSimplex": lambda v: capped(v, 2, 1),
    "CappedSimplex upper": lambda v: capped(v, 2.5, u6),
    "L1Ball": lambda v: l1_ball(v, 1.25),
    "L1Ball weights": lambda v: l1_ball(v, 1.25, w6),
    "Affine": lambda v: affine(v, A26, b2),
    "Halfspace": lambda v: halfspace(v, a6, 0.5),
    "SecondOrderCone": second_order,
    "L1": lambda v: np.sign(v) * np.maximum(np.abs(v) - 0.5 * w6, 0),
    "ElasticNet": lambda v: scalar(v, 0.5, lambda z: 0.5 * np.sign(z) + 2 * z),
    "L0": lambda v: np.where(0.75 < v * v / 2 / 0.5, v, 0),
    "Huber": lambda v: scalar(v, 0.5, lambda z: 1.5 * np.clip(z / 0.75, -1, 1)),
    "GroupNorm": lambda v: sparse_group(v, 0, 0.4, [2, 3, 1]),
    "SparseGroupNorm": lambda v: sparse_group(v, 0.25, 0.4, [2, 3, 1]),
    "LInfinity": lambda v: clip_largest(v, 0.8),
    "Max": lambda v: cut_largest(v, 0.8),
    "NuclearNorm": lambda v: spectral(v, 3, lambda s: np.maximum(s - 0.7, 0)),
    "SpectralNorm": lambda v: spectral(v, 3, lambda s: clip_largest(s, 0.7).astype(float)),
    "TotalVariation1d": lambda v: total_variation(v, 0.6),
    "Quadratic": lambda v: np.linalg.solve(np.eye(6) + 0.5 * Q6, v - 0.5 * q6),
    "LogBarrier": lambda v: scalar(v, 0.5, lambda z: -1.5 / z, 1e-25),
    "XLogX": lambda v: scalar(v, 0.5, lambda z: 1.5 * (1 + np.log(z)), 1e-4000),
    "Exponential": lambda v: scalar(v, 0.5, lambda z: 1.5 * np.exp(z), -1e4, 1e4),
    "NegativeEntropy": lambda v: np.exp(log_softmax(v)),
    "NegativeEntropy sizes": lambda v: np.exp(np.concatenate([log_softmax(v[:2]), log_softmax(v[2:5]), [0.0]])),
}
points = [scale * random.standard_normal(6) for scale in (0.1, 0.5, 1, 2, 5, 20)]
points += [np.abs(points[2]), -np.abs(points[3]), np.zeros(6), np.ones(6), np.array([1, 1, -1, -1, 0, 3.0])]
points += [np.round(2 * random.standard_normal(6)) / 2 for _ in range(4)]


def write(name, v, x):
    print(",".join([name] + [repr(float(a)) for a in list(v) + list(x)]))


for name, case in cases.items():
    for v in points:
        if name == "SecondOrderCone" and not np.any(v[:-1]):
            continue  # no direction
        write(name, v, case(v))
for n in (2, 3, 4):
    for _ in range(12):
        v = np.round(3 * random.standard_normal(n), 1)
        for w in (np.arange(n, 0, -1.0), np.array([2, 0.5, 0.5, -1])[:n]):
            write("Permutahedron " + " ".join(repr(float(a)) for a in w), v, permutahedron(v, w))
for _ in range(10):
    v = random.standard_normal(9) * 2
    write("PositiveSemidefinite", v, semidefinite(v, 3))
for n in (1, 2, 7, 40):
    for amount in (0.05, 0.5, 3):
        for _ in range(3):
            v = np.cumsum(random.standard_normal(n)) + (np.arange(n) > n / 2)
            write("TotalVariation1d " + repr(float(amount)), v, total_variation(v, amount))
for _ in range(5):
    z, w = np.exp(log_softmax(random.standard_normal(6))), np.exp(log_softmax(3 * random.standard_normal(6)))
    write("divergence", np.append(z, w), np.array([rel_entr(z, w).sum()]))
