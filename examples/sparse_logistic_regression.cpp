// Sparse logistic regression from a file of sparse data: an l1 norm keeps few of the weights, in memory and time that
// go with the nonzeros. Prints what each weight of the l1 norm keeps, and how well it does on rows not seen.
//
//     sparse_logistic_regression [train.libsvm]
//
// Without a file one is drawn at random and written to sparse.libsvm.
#include <glissade/finite_sum.hpp>
#include <glissade/glissade.hpp>
#include <glissade/io/libsvm_sparse.hpp>
#include <glissade/problems/random_sparse_data.hpp>

#include <cstdio>
#include <fstream>

namespace {

using namespace glissade;

/// 20 000 rows of 20 nonzeros among 2000 columns, of which a tenth matter.
void write_file(const char* path) {
  const problems::SparseLogisticRegression drawn = problems::random_sparse_logistic(
      {.rows = 20'000, .columns = 2000, .nonzeros = 20, .relevant = 0.1, .steepness = 30, .seed = 1});
  std::ofstream file(path);
  for (Index i = 0; i < drawn.size(); ++i) {
    // A label is +1 where the slope of its loss at 0 is negative.
    file << (drawn.slope(i, 0) < 0 ? "+1" : "-1");
    const SparseRow row = drawn.row(i);
    for (std::size_t k = 0; k < row.indices.size(); ++k) file << ' ' << row.indices[k] + 1 << ':' << row.values[k];
    file << '\n';
  }
}

/// Half of the rows, every other one.
SparseTableData every_other(const SparseTableData& data, Index first) {
  SparseTableData half;
  const Index rows = (data.features.rows() - first + 1) / 2;
  half.features.resize(rows, data.features.cols());
  half.targets.resize(rows);
  for (Index i = 0; i < rows; ++i) {
    half.targets[i] = data.targets[2 * i + first];
    half.features.startVec(i);
    for (Eigen::SparseMatrix<double, Eigen::RowMajor>::InnerIterator a(data.features, 2 * i + first); a; ++a)
      half.features.insertBack(i, a.col()) = a.value();
  }
  half.features.finalize();
  return half;
}

}  // namespace

int main(int argc, char** argv) {
  const char* const path = argc > 1 ? argv[1] : "sparse.libsvm";
  if (argc < 2) write_file(path);
  const SparseTableData data = read_libsvm_sparse(path);
  const SparseTableData train = every_other(data, 0), test = every_other(data, 1);
  std::printf("%s: %ld rows, %ld columns, %ld nonzeros; half to train, half to test\n\n", path,
              static_cast<long>(data.features.rows()), static_cast<long>(data.features.cols()),
              static_cast<long>(data.features.nonZeros()));

  double longest = 0;
  for (Index i = 0; i < train.features.rows(); ++i) longest = std::max(longest, train.features.row(i).squaredNorm());
  const SparseSaga method{.step_size = 4 / (3 * longest)};  // a third of 1 / L: the loss bends by at most 1/4
  const problems::SparseLogisticRegression loss(train.features, train.targets);
  std::printf("%10s  %7s  %10s  %8s  %7s\n", "l1 weight", "passes", "loss", "nonzeros", "right %");
  Eigen::VectorXd x = Eigen::VectorXd::Zero(loss.dimension());
  Index fewest = loss.dimension();
  for (const double weight : {1e-3, 3e-4, 1e-4, 3e-5}) {  // each goes on from the one before
    const Result r =
        minimize(plus_term(loss, L1{.weight = weight}), x, method, {.max_iterations = 100, .gradient_tolerance = 1e-5});
    const Index kept = (x.array() != 0).count();
    const Eigen::VectorXd margins = test.features * x;
    const double right = ((margins.array() > 0) == (test.targets.array() > 0)).cast<double>().mean();
    std::printf("%10.0e  %7.0f  %10.6f  %8ld  %7.2f\n", weight, work_passes(r.evaluations), r.value,
                static_cast<long>(kept), 100 * right);
    fewest = std::min(fewest, kept);
  }
  return fewest < loss.dimension() / 10 ? 0 : 1;
}
