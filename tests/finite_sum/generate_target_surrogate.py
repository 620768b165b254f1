"""Writes target_surrogate.csv: target-based surrogates written again in numpy, on a network of one unit, z_i = x_0
tanh(<a_i, (x_1, x_2, x_3)>), whose logistic loss is the mean over 23 terms.

    whole or batches, schedule, steps, value, x after so many steps

pip install numpy; python3 generate_target_surrogate.py
"""

import os

import numpy as np

n = 23
i = np.arange(n)
A = np.cos((i[:, None] + 1.0) * (np.arange(3)[None, :] + 2) ** 2)
y = np.where(np.cos(5.0 * i * i + 1) > -0.3, 1.0, -1.0)
start = np.array([0.5, 1.0, -0.5, 0.25])
c, shrink, grow, first = 0.5, 0.9, 1.8, 10.0
eta0, horizon, m = 3.0, 20.0, 6


def outputs(x, rows):
    return x[0] * np.tanh(A[rows] @ x[1:])


def jacobian(x, rows):
    t = np.tanh(A[rows] @ x[1:])
    return np.c_[t, x[0] * (1 - t**2)[:, None] * A[rows]]


def loss(z, rows):
    return np.mean(np.logaddexp(0, -y[rows] * z))


def loss_gradient(z, rows):
    return -y[rows] / (1 + np.exp(y[rows] * z)) / len(rows)


def target_step(x, rows, schedule, t, last, growth):
    """One target gradient and m steps on its surrogate: the new x and eta."""
    z = outputs(x, rows)
    u = loss_gradient(z, rows)
    terms = len(rows)
    if schedule == "constant":
        eta = eta0
    elif schedule == "inverse_sqrt":
        eta = eta0 / np.sqrt(t)
    elif schedule == "exponential":
        eta = eta0 * (1 / horizon) ** (t / horizon)
    else:  # armijo, for the gradients terms * u of the single losses
        eta = eta0 if last is None else min(eta0, grow * last)
        G = terms * u
        while np.mean(np.logaddexp(0, -y[rows] * (z - eta * G))) > loss(z, rows) - c * eta * np.sum(G * G) / terms:
            eta *= shrink
    prox = lambda change: np.sum(change**2) / (2 * eta * terms)
    surrogate = lambda x: u @ (outputs(x, rows) - z) + prox(outputs(x, rows) - z)
    alpha = first
    for k in range(m):
        v = jacobian(x, rows).T @ (u + (outputs(x, rows) - z) / (eta * terms))
        if k > 0:
            alpha *= growth
        while surrogate(x - alpha * v) > surrogate(x) - c * alpha * (v @ v):
            alpha *= shrink
        x = x - alpha * v
    return x, eta


rows = []
for schedule in ["constant", "inverse_sqrt", "exponential", "armijo"]:
    x, last = start, None
    for t in range(1, 9):
        x, last = target_step(x, i, schedule, t, last, grow)
        rows.append(["whole", schedule, t, loss(outputs(x, i), i), *x])
    x, last, t = start, None, 0
    batches = [i[0:5], i[5:10], i[10:15], i[15:23]]  # of 5, in order; the last takes what is left over
    for step in range(1, 4):
        for batch in batches:
            t += 1
            x, last = target_step(x, batch, schedule, t, last, grow ** (1 / len(batches)))
        rows.append(["batches", schedule, step, loss(outputs(x, i), i), *x])

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "target_surrogate.csv"), "w") as file:
    for row in rows:
        file.write(",".join(v if isinstance(v, str) else repr(v if isinstance(v, int) else float(v)) for v in row) + "\n")
