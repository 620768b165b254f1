// Muon's step against the products that it needs, as Eigen computes them, on one core.
#include "support/race.hpp"
#include <glissade/optimizer/optimizer.hpp>
#include <glissade/rules/muon.hpp>

int main() {
  using namespace glissade;
  using Matrix = Eigen::MatrixXf;
  for (const auto& [rows, cols] : {std::pair<Index, Index>{256, 256}, {512, 512}, {512, 2048}, {1024, 1024}}) {
    Matrix W = Matrix::Random(rows, cols), out(rows, cols);
    const Matrix gradient = Matrix::Random(rows, cols);
    Optimizer optimizer{Muon{.learning_rate = 1e-6}, W};
    Matrix A(rows, rows), B(rows, rows);
    const auto products = [&] {
      for (int step = 0; step < 5; ++step) {
        A.noalias() = gradient * gradient.transpose();
        B.noalias() = A * A;
        out.noalias() = B * gradient;
      }
    };
    const std::vector<double> seconds =
        bench::race({{"Muon", [&] { optimizer.step(gradient); }}, {"products", products}}, 7, 1);
    std::printf("%4ld x %4ld: Muon %.2f ms, its products in Eigen %.2f ms, rate %.2f\n", static_cast<long>(rows),
                static_cast<long>(cols), seconds[0] * 1e3, seconds[1] * 1e3, seconds[1] / seconds[0]);
  }
  return 0;
}
