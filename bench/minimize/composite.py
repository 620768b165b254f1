"""scikit-learn on the problems of composite.cpp, in one thread: python3 composite.py   (numpy, scikit-learn)

The time of fit until the objective is within 1e-8, relatively, of its least value, with the loosest tolerance (a power of
ten) that leads there: the median of five runs. The lasso by coordinate descent, logistic regression by liblinear.
"""
import os

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

import statistics
import time
import warnings

import numpy as np
from sklearn.linear_model import Lasso, LogisticRegression

warnings.filterwarnings("ignore")

m, n = 5000, 200
u = np.random.RandomState(1)._bit_generator.random_raw(m * (n + 1)).reshape(m, n + 1) / 2147483648.0 - 1
A = np.empty((m, n))
last = np.zeros(m)
for j in range(n):
    last = A[:, j] = 0.5 * last + u[:, j]
b = u[:, n].copy()
for k in range(10):
    b += (1 if k % 2 == 0 else -1) * A[:, k * (n // 10)]
y = np.where(b > 0, 1.0, -1.0)
in_columns = np.asfortranarray(A)

losses = {
    "lasso": lambda x: 0.5 * np.mean((A @ x - b) ** 2),
    "logistic": lambda x: np.mean(np.logaddexp(0, -y * (A @ x))),
}
at_zero = {"lasso": np.abs(A.T @ b).max() / m, "logistic": np.abs(A.T @ y).max() / m / 2}


def fit(name, weight, tol):
    if name == "lasso":
        return Lasso(alpha=weight, fit_intercept=False, tol=tol, max_iter=100_000).fit(in_columns, b).coef_
    return LogisticRegression(penalty="l1", solver="liblinear", C=1 / (m * weight), fit_intercept=False, tol=tol,
                              max_iter=3000).fit(A, y).coef_[0]


for name in ["lasso", "logistic"]:
    for share in [0.1, 0.01]:
        weight = share * at_zero[name]
        value = lambda x: losses[name](x) + weight * np.abs(x).sum()
        least = value(fit(name, weight, 1e-12 if name == "lasso" else 1e-8))
        tol = 0.1
        while value(fit(name, weight, tol)) - least > 1e-8 * least and tol > 1e-8:
            tol /= 10
        times = []
        for _ in range(5):
            begin = time.perf_counter()
            x = fit(name, weight, tol)
            times.append(time.perf_counter() - begin)
        print(f"{name:9} {share:5.2f} scikit-learn      {1e3 * statistics.median(times):10.2f} ms   "
              f"gap {(value(x) - least) / least:.1e}, {(x == 0).sum()} of {n} zero, least {least:.12g}, tol {tol:.0e}")
