// The history of a minimization as a table for people, spreadsheets and gnuplot.
#pragma once

#include <filesystem>
#include <string>

#include "../core/checks.hpp"
#include "../drive/history.hpp"
#include "file.hpp"

namespace glissade {

/// Writes one line for every record, numbers so that they read back as the same doubles:
/// iteration,value,gradient_norm,step_norm,seconds,values,gradients,hessians,hessian_vectors,proxes
/// Calls of terms of a finite sum are in the same columns, in shares of the sum.
/// The file is replaced as a whole. Throws std::filesystem::filesystem_error if it cannot be written.
inline void write_csv(const History& history, const std::filesystem::path& path) {
  std::string text =
      "iteration,value,gradient_norm,step_norm,seconds,values,gradients,hessians,hessian_vectors,proxes\n";
  for (std::size_t k = 0; k < history.size(); ++k) {
    const Evaluations& calls = history.evaluations[k];
    text += std::to_string(history.iteration[k]);
    for (const double number : {history.value[k], history.gradient_norm[k], history.step_norm[k], history.seconds[k],
                                calls.values(), calls.gradients(), static_cast<double>(calls.hessian),
                                calls.hessian_vectors(), static_cast<double>(calls.prox)})
      text += "," + to_text(number);
    text += "\n";
  }
  detail::AtomicFile file(path);
  file.write(reinterpret_cast<const std::byte*>(text.data()), text.size());
  file.commit();
}

}  // namespace glissade
