"""Writes matrix_completion.csv: alternating minimisation and soft-impute in numpy, from the formulas.

    alternating,inner_iterations,sweep,relative error of the whole matrix     200 x 150, rank 5, 30 % of the entries
    soft,lambda,iteration,norm of Z,Z[0, 0],Z[7, 3],rank                      20 x 15, rank 2, 60 % of the entries

Random numbers are those of core/random.hpp, written again. pip install numpy; python3 generate_matrix_completion.py
"""

import csv
import os

import numpy as np

MASK = 2**64 - 1


def mix(z):
    z = ((z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9))
    z = ((z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB))
    return z ^ (z >> np.uint64(31))


class Key:
    def __init__(self, value):
        self.value = np.uint64(value)

    def derive(self, number):
        return Key(mix(np.array([self.value ^ mix(np.array([(number + 0x9E3779B97F4A7C15) & MASK], np.uint64))[0]],
                                np.uint64))[0])

    def uniform(self, count):
        counter = np.arange(1, count + 1, dtype=np.uint64)
        bits = mix(self.value + counter * np.uint64(0x9E3779B97F4A7C15))
        return ((bits >> np.uint64(12)).astype(float) + 0.5) * 2.0**-52

    def normal(self, rows, cols):
        u = self.uniform(2 * rows * cols)
        z = np.sqrt(-2 * np.log(u[0::2])) * np.cos(2 * np.pi * u[1::2])
        return z.reshape(cols, rows).T


def haar(rows, cols, key):
    Q, R = np.linalg.qr(key.normal(rows, cols))
    return Q * np.sign(np.diag(R))


def problem(m, n, k, share, seed):
    key = Key(seed)
    sigma = np.linspace(1, 2, k) * np.sqrt(m * n)
    M = haar(m, k, key.derive(1)) @ np.diag(sigma) @ haar(n, k, key.derive(2)).T
    return M, key.derive(3).uniform(m * n).reshape(n, m).T < share


def rough(F, b, x, steps):
    r = b - F @ x
    s = F.T @ r
    p = s.copy()
    for _ in range(steps):
        q = F @ p
        if s @ s == 0 or q @ q == 0:
            break
        a = (s @ s) / (q @ q)
        x = x + a * p
        r = r - a * q
        new = F.T @ r
        p = new + (new @ new) / (s @ s) * p
        s = new
    return x


def solve(F, b, x, steps):
    if len(b) < F.shape[1]:
        x = np.zeros_like(x)
    return np.linalg.lstsq(F, b, rcond=None)[0] if steps == 0 else rough(F, b, x, steps)


def alternating(M, known, k, steps, sweeps, mu=2):
    m, n = M.shape
    U = np.linalg.svd(np.where(known, M, 0))[0][:, :k]
    U[np.linalg.norm(U, axis=1) > 2 * mu * np.sqrt(k / m)] = 0
    V = np.zeros((n, k))
    errors = []
    for _ in range(sweeps):
        Q, R = np.linalg.qr(U)
        V = V @ R.T
        V = np.array([solve(Q[known[:, j]], M[known[:, j], j], V[j], steps) for j in range(n)])
        QV, R = np.linalg.qr(V)
        U = Q @ R.T
        U = np.array([solve(QV[known[i]], M[i, known[i]], U[i], steps) for i in range(m)])
        V = QV
        errors.append(np.linalg.norm(U @ V.T - M) / np.linalg.norm(M))
    return errors


def soft_impute(M, known, penalty, iterations):
    Z = np.zeros_like(M)
    for _ in range(iterations):
        u, s, v = np.linalg.svd(np.where(known, M, Z), full_matrices=False)
        s = np.maximum(s - penalty, 0)
        Z = u @ np.diag(s) @ v
    return Z, int(np.sum(s > 0))


if __name__ == "__main__":
    rows = []
    M, known = problem(200, 150, 5, 0.3, 0)
    for steps in (0, 1, 2, 4):
        errors = alternating(M, known, 5, steps, 25)
        for sweep in range(1, 26, 4):
            rows.append(["alternating", steps, sweep, "%.17g" % errors[sweep - 1]])
    for share in (0.1, 0.15, 0.2, 0.3):
        M, known = problem(200, 150, 5, share, 0)
        print("share", share, "after 40 exact sweeps", alternating(M, known, 5, 0, 40)[-1])
    M, known = problem(20, 15, 2, 0.6, 1)
    for penalty in (0.5, 4.0):
        for iterations in (1, 5, 50):
            Z, rank = soft_impute(M, known, penalty, iterations)
            rows.append(["soft", penalty, iterations] + ["%.17g" % v for v in (np.linalg.norm(Z), Z[0, 0], Z[7, 3])] +
                        [rank])
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "matrix_completion.csv"), "w",
              newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)
