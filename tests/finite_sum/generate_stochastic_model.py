"""Golden paths of the four models on small phase retrieval and blind deconvolution problems, in double.

python3 generate_stochastic_model.py > stochastic_model.csv
Columns: problem, model, step size, passes, the point after these passes over the terms in their order. The closed forms
are those of the two-branch problems, the roots of the quartic those of its companion matrix (numpy.roots).
"""
import numpy as np

ROWS = 7


def matrix(rows, cols, phase):
    return np.array([[np.cos(1.3 * i * (j + 1) + 0.7 * j + phase) for j in range(cols)] for i in range(rows)])


A, X = matrix(ROWS, 3, 0.2), np.array([0.9, -0.4, 0.3])
B = np.array([1.1 + np.sin(2.0 * i) for i in range(ROWS)])
L, R = matrix(ROWS, 2, 0.5), matrix(ROWS, 3, 1.9)
C = np.array([np.sin(1.7 * i + 0.3) for i in range(ROWS)])
C[4] = 0.0
Y = np.array([0.8, -0.5, 0.4, 0.6, -0.7])


def phase_terms(x, i):
    w = A[i] @ x
    return w * w - B[i], 2 * w * A[i]


def phase_prox(x, i, alpha):
    a, b = A[i], B[i]
    w, N = a @ x, a @ a
    ts = [-2 * alpha * w / (1 + 2 * alpha * N), (-w + np.sqrt(b)) / N, (-w - np.sqrt(b)) / N]
    if abs(2 * alpha * N - 1) >= 1e-12:
        ts.append(-2 * alpha * w / (2 * alpha * N - 1))
    return x + a * min(ts, key=lambda t: abs((w + t * N)**2 - b) + t * t * N / (2 * alpha))


def blind_terms(x, i):
    p, s = L[i] @ x[:2], R[i] @ x[2:]
    return p * s - C[i], np.concatenate([s * L[i], p * R[i]])


def blind_prox(x, i, alpha):
    l, r, b = L[i], R[i], C[i]
    p, s, L2, R2 = l @ x[:2], r @ x[2:], l @ l, r @ r
    D = 1 - alpha**2 * L2 * R2
    found = [((p - alpha * g * L2 * s) / D, (s - alpha * g * R2 * p) / D) for g in (1, -1)]
    if b == 0:
        found += [(0.0, s), (p, 0.0)]
    else:
        for root in np.roots([R2, -R2 * p, 0, L2 * b * s, -L2 * b * b]):
            if abs(root.imag) < 1e-7 * max(1, abs(root.real)):
                found.append((root.real, b / root.real))
    P, Q = min(found, key=lambda t: abs(t[0] * t[1] - b) + ((t[0] - p)**2 / L2 + (t[1] - s)**2 / R2) / (2 * alpha))
    return np.concatenate([x[:2] + (P - p) * l / L2, x[2:] + (Q - s) * r / R2])


def move(model, terms, prox, x, i, alpha):
    if model == "proximal_point":
        return prox(x, i, alpha)
    c, q = terms(x, i)
    if q @ q == 0:
        return x
    if model == "subgradient":
        return x - alpha * np.sign(c) * q
    if model == "clipped":
        return x - min(alpha, abs(c) / (q @ q)) * np.sign(c) * q
    return x - np.clip(c / (q @ q), -alpha, alpha) * q


for problem, terms, prox, start in (("phase", phase_terms, phase_prox, X), ("blind", blind_terms, blind_prox, Y)):
    for model in ("subgradient", "clipped", "prox_linear", "proximal_point"):
        for alpha in (0.03, 0.2, 2.0):
            if model == "subgradient" and alpha > 1:
                continue
            x = start
            for passes in (1, 2, 3):
                for i in range(ROWS):
                    x = move(model, terms, prox, x, i, alpha)
                print(f"{problem},{model},{alpha},{passes}," + ",".join(repr(float(v)) for v in x))
