// Reading data sets in the LIBSVM format as sparse matrices.
#pragma once

#include <Eigen/SparseCore>

#include <limits>

#include "libsvm.hpp"

namespace glissade {

/// Rows of sparse features with one target each: what the problems of sparse_linear_model.hpp are made from.
struct SparseTableData {
  Eigen::SparseMatrix<double, Eigen::RowMajor> features;
  Eigen::VectorXd targets;
};

struct SparseLibsvmOptions {
  Eigen::Index features = 0;  // in [0, 2147483647], the number of columns; 0: the largest index in the file
};

/// A file as read_libsvm takes it, as a sparse matrix: what the file names is stored, zeros included, and nothing else.
///
///     const SparseTableData data = read_libsvm_sparse("train.libsvm", {.features = 47236});
///
/// Cost: memory in proportion to the bytes of the file, whatever its largest index is; in the end 12 bytes per entry
/// and 12 per row. Errors: as read_libsvm, and indices and numbers of entries above 2147483647; std::invalid_argument
/// for options out of range.
inline SparseTableData read_libsvm_sparse(const std::filesystem::path& path, const SparseLibsvmOptions& options = {}) {
  constexpr int most = std::numeric_limits<int>::max();
  require("read_libsvm_sparse", "features", static_cast<double>(options.features), Range{0, most});
  detail::LineReader lines(path);
  const detail::LibsvmText text = detail::read_libsvm_text(lines, options.features, most);
  const auto rows = static_cast<Eigen::Index>(text.targets.size());
  if (text.values.size() > static_cast<std::size_t>(most) || rows > most)
    lines.fail({}, std::to_string(rows) + " rows with " + std::to_string(text.values.size()) + " entries, at most " +
                       std::to_string(most) + " are allowed");
  SparseTableData data;
  data.targets = Eigen::Map<const Eigen::VectorXd>(text.targets.data(), rows);
  data.features.resize(rows, text.width);
  data.features.resizeNonZeros(static_cast<Eigen::Index>(text.values.size()));
  const auto narrow = [](auto number) { return static_cast<int>(number); };
  std::transform(text.starts.begin(), text.starts.end(), data.features.outerIndexPtr(), narrow);
  std::transform(text.columns.begin(), text.columns.end(), data.features.innerIndexPtr(), narrow);
  std::copy(text.values.begin(), text.values.end(), data.features.valuePtr());
  return data;
}

}  // namespace glissade
