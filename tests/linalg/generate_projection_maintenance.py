"""Prints the numbers of projection_maintenance.cpp: P h with P = B'(B B')^-1 B from dense Kronecker products in numpy.

W = U diag(l) U' for the orthonormal U_ij = sqrt(2 / n) cos(pi (i + 1/2) (j + 1/2) / n), n = 4 (the DCT of kind IV),
A_ij = cos((i + 1) (j + 2)), 6 x 16, h_j = sin(j + 1); l = 1, 2, 0.5, 3, then 1, 5, 0.5, 0. pip install numpy
"""

import numpy as np

n, m = 4, 6
i = np.arange(n)
U = np.sqrt(2 / n) * np.cos(np.pi * (i[:, None] + 0.5) * (i[None, :] + 0.5) / n)
A = np.cos((np.arange(m)[:, None] + 1) * (np.arange(n * n)[None, :] + 2.0))
h = np.sin(np.arange(n * n) + 1.0)
for form in ("square_roots", "left"):
    for l in ([1, 2, 0.5, 3], [1, 5, 0.5, 0]):
        W, root = U @ np.diag(l) @ U.T, U @ np.diag(np.sqrt(l)) @ U.T
        B = A @ (np.kron(root, root) if form == "square_roots" else np.kron(W, np.eye(n)))
        p = B.T @ np.linalg.solve(B @ B.T, B @ h)
        print(form, l, "%.17g, %.17g, %.17g, %.17g" % (p[0], p[7], p[14], np.linalg.norm(p)))
