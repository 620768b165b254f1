// GRACE: against numpy, the claim on retention and locality, what is kept bit for bit, and what is refused.
#include "support/catch.hpp"
#include "support/message_of.hpp"
#include <glissade/core/random.hpp>
#include <glissade/io/method_state.hpp>
#include <glissade/weights/grace.hpp>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <limits>
#include <set>

#include "support.hpp"

using namespace glissade;
using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

VectorXd normals(Index size, RandomKey key) {
  return VectorXd::NullaryExpr(size, [&](Index i) { return key.normal(static_cast<std::uint64_t>(i)); });
}
VectorXd one(double value) { return VectorXd::Constant(1, value); }

/// What the layer would answer.
MatrixXd answers_of_layer(const MatrixXd& X) { return X.topRows(3).array().sin() * 1.7; }

bool same_bits(const MatrixXd& A, const MatrixXd& B) {
  return A.size() == B.size() &&
         std::memcmp(A.data(), B.data(), static_cast<std::size_t>(A.size()) * sizeof(double)) == 0;
}

}  // namespace

TEST_CASE("GRACE: actions, radii and labels of numpy") {
  const MatrixXd H = weights_tests::matrix(2, 40, 7);
  const MatrixXd actions = weights_tests::read("grace_actions", 1), radii = weights_tests::read("grace_radii", 1);
  const MatrixXd labels = weights_tests::read("grace_labels", 1);
  Grace patches({.radius = 0.35, .max_keys = 40}, 2, 1);
  std::set<int> seen;
  for (Index n = 0; n < 40; ++n) {
    const auto action = static_cast<int>(patches.edit(H.col(n), n % 5, one(static_cast<double>(n % 5))).action);
    CHECK(action == static_cast<int>(actions(0, n)));
    seen.insert(action);
  }
  CHECK(seen == std::set<int>{0, 1, 2, 3});
  REQUIRE(patches.size() == radii.cols());
  for (Index k = 0; k < patches.size(); ++k) {
    CHECK(patches.radius(k) == Approx(radii(0, k)).epsilon(1e-12));
    CHECK(patches.label(k) == static_cast<std::int64_t>(labels(0, k)));
    CHECK(patches.value(k)[0] == labels(0, k));
  }
}

TEST_CASE("GRACE: the claim that 600 edits around 30 centres are 30 keys, are kept, and reach paraphrases") {
  const RandomKey key{3};
  const auto draw = [&](Index centre, std::uint64_t n) -> VectorXd {
    return 2 * normals(16, key.derive(static_cast<std::uint64_t>(centre))) + 0.25 * normals(16, key.derive(1000 + n));
  };
  Grace patches({.radius = 1.5, .max_keys = 100}, 16, 3);
  const auto value_of = [](Index centre) -> VectorXd {
    return VectorXd::Constant(3, 10 + static_cast<double>(centre));
  };
  const auto centre_of = [](Index n) { return (7 * n + n / 30) % 30; };
  for (Index n = 0; n < 600; ++n)
    patches.edit(draw(centre_of(n), static_cast<std::uint64_t>(n)), centre_of(n), value_of(centre_of(n)));
  CHECK(patches.size() == 30);

  const auto share_right = [&](Index count, std::uint64_t first) {
    Index right = 0;
    for (Index n = 0; n < count; ++n) {
      const Index k = patches.find(draw(centre_of(n), first + static_cast<std::uint64_t>(n)));
      right += k >= 0 && patches.value(k) == value_of(centre_of(n)) ? 1 : 0;
    }
    return static_cast<double>(right) / static_cast<double>(count);
  };
  CHECK(share_right(600, 0) == 1);
  const double paraphrases = share_right(3000, 5000);
  INFO("paraphrases " << paraphrases);
  CHECK(paraphrases > 0.9);  // .924 in the paper's setting, .94 to .96 in four draws in numpy
  CHECK(paraphrases < 0.98);

  // Elsewhere the layer answers, with every bit.
  MatrixXd far(16, 500);
  for (Index j = 0; j < 500; ++j) far.col(j) = 2 * normals(16, key.derive(20'000 + static_cast<std::uint64_t>(j)));
  far(3, 7) = std::numeric_limits<double>::quiet_NaN();
  const MatrixXd before = answers_of_layer(far);
  MatrixXd after = before;
  Index within = 0;
  for (Index j = 0; j < 500; ++j) within += patches.find(far.col(j)) >= 0 ? 1 : 0;
  CHECK(patches.apply(far, after) == within);
  CHECK(within == 0);
  CHECK(same_bits(after, before));

  // Taking all edits back leaves the layer.
  MatrixXd X(16, 2);
  X << draw(4, 9000), draw(5, 9001);
  MatrixXd Y = answers_of_layer(X);
  CHECK(patches.apply(X, Y) == 2);
  CHECK(Y.col(1) == value_of(5));
  const Index first = patches.find(X.col(0)), second = patches.find(X.col(1));
  const VectorXd kept = patches.value(second);
  patches.remove(first);
  CHECK(patches.find(X.col(0)) == -1);
  CHECK(patches.value(patches.find(X.col(1))) == kept);
  while (patches.size() > 0) patches.remove(0);
  Grace::visit(patches, [](std::string_view, const auto& field, auto...) {  // nothing of them would be in a file
    if constexpr (requires { field.cwiseAbs(); })
      CHECK(field.cwiseAbs().maxCoeff() == 0);
    else if constexpr (requires { field.begin(); })
      CHECK(std::count(field.begin(), field.end(), 0) == 100);
  });
  Y = answers_of_layer(X);
  CHECK(patches.apply(X, Y) == 0);
  CHECK(same_bits(Y, answers_of_layer(X)));
}

TEST_CASE("GRACE: keys of two labels do not reach each other, an edit in the place of a key replaces it") {
  Grace patches({.radius = 1, .max_keys = 4}, 1, 1);
  REQUIRE(patches.edit(one(0), 1, one(10)).action == GraceAction::added);
  CHECK(patches.edit(one(0.9), 1, one(99)).action == GraceAction::covered);
  CHECK(patches.edit(one(1.6), 1, one(99)).action == GraceAction::expanded);
  CHECK(patches.radius(0) == 1.6);
  CHECK(patches.value(0) == one(10));
  const GraceEdit split = patches.edit(one(2), 2, one(20));
  CHECK(split.action == GraceAction::separated);
  CHECK(split.key == 1);
  CHECK(patches.radius(1) == 1);
  CHECK(patches.radius(0) == 1 - 1e-5);
  CHECK(patches.radius(0) + patches.radius(1) < 2);
  Eigen::MatrixXf X(1, 4), Y(1, 4);
  X << -0.5F, 1.5F, 3.5F, 2;
  Y << 1, 2, 3, 4;
  CHECK(patches.apply(X, Y) == 3);
  CHECK(Y == Eigen::RowVector4f(10, 20, 3, 20));

  // Nearer than the gap: both keys still answer for themselves.
  CHECK(patches.edit(one(2 + 1e-6), 3, one(30)).action == GraceAction::separated);
  CHECK(patches.value(patches.find(one(2))) == one(20));
  CHECK(patches.value(patches.find(one(2 + 1e-6))) == one(30));
  CHECK(patches.edit(one(0), 5, one(50)).action == GraceAction::relabelled);
  CHECK(patches.size() == 3);
  CHECK(patches.label(0) == 5);
  CHECK(patches.value(patches.find(one(0))) == one(50));
  CHECK(patches.find(one(-0.1)) == -1);

  REQUIRE(patches.edit(one(9), 1, one(10)).action == GraceAction::added);
  const GraceEdit full = patches.edit(one(19), 1, one(10));
  CHECK(full.action == GraceAction::full);
  CHECK(full.key == -1);
  CHECK(patches.find(one(19)) == -1);
  CHECK(patches.edit(one(9.5), 6, one(10)).action == GraceAction::full);
  CHECK(patches.radius(3) == 1);
}

TEST_CASE("GRACE: values are trained from what is there, and a failure changes nothing") {
  Grace patches({.radius = 1, .max_keys = 4}, 1, 2);
  const VectorXd output = VectorXd::Constant(2, 0.5);
  VectorXd begun;
  const auto towards = [&](double target) {
    return [&begun, target](VectorXd& value) {
      begun = value;
      for (int t = 0; t < 100; ++t) value -= 0.5 * (value - VectorXd::Constant(2, target));
    };
  };
  patches.edit(one(0), 1, output, towards(3));
  CHECK(begun == output);
  CHECK(patches.value(0).isApprox(VectorXd::Constant(2, 3)));
  const VectorXd first = patches.value(0);
  CHECK(patches.edit(one(1.5), 1, output, towards(4)).action == GraceAction::expanded);
  CHECK(begun == first);
  CHECK(patches.value(0).isApprox(VectorXd::Constant(2, 4)));
  CHECK(patches.edit(one(0.2), 2, output, towards(7)).action == GraceAction::separated);
  CHECK(begun == output);

  const auto path = std::filesystem::temp_directory_path() / "glissade_grace.safetensors";
  save(patches, path);
  Grace loaded({.radius = 1, .max_keys = 4}, 1, 2);
  load(loaded, path);
  std::filesystem::remove(path);
  const auto same = [&](const Grace& a, const Grace& b) {
    bool equal = a.size() == b.size();
    for (Index k = 0; equal && k < a.size(); ++k)
      equal =
          a.key(k) == b.key(k) && a.value(k) == b.value(k) && a.radius(k) == b.radius(k) && a.label(k) == b.label(k);
    return equal;
  };
  CHECK(same(patches, loaded));
  const Grace before = patches;
  CHECK(patches.edit(one(5), 3, output).key == loaded.edit(one(5), 3, output).key);
  CHECK(same(patches, loaded));
  CHECK_FALSE(same(patches, before));

  const double nan = std::numeric_limits<double>::quiet_NaN();
  const auto refused = [&](const auto& action) {
    const Grace kept = patches;
    std::string message = message_of(action);
    CHECK(same(patches, kept));
    return message;
  };
  const std::string bad = "Grace: a key or a value that is infinite or NaN";
  CHECK(refused([&] { patches.edit(one(nan), 1, output); }) == bad);
  CHECK(refused([&] { patches.edit(one(0), 1, output * nan); }) == bad);
  CHECK(refused([&] { patches.edit(one(0.1), 3, output, [&](VectorXd& value) { value[1] = nan; }); }) == bad);
  CHECK(refused([&] { patches.edit(one(0.1), 3, output, [&](VectorXd& value) { value.resize(3); }); }) ==
        "Grace: value is 3 x 1, must be 2 x 1");
  CHECK(refused([&] { patches.edit(output, 1, output); }) == "Grace: h is 2 x 1, must be 1 x 1");
  CHECK(refused([&] { patches.remove(3); }) == "Grace: key 3, must be in [0, 3)");
  CHECK(refused([&] { patches.remove(-1); }) == "Grace: key -1, must be in [0, 3)");
  CHECK(refused([&] { (void)patches.find(output); }) == "Grace: h is 2 x 1, must be 1 x 1");
  MatrixXd X = MatrixXd::Zero(1, 3), Y = MatrixXd::Zero(2, 2);
  CHECK(refused([&] { patches.apply(X, Y); }) == "Grace::apply: Y is 2 x 2, must be 2 x 3");
  CHECK(refused([&] { patches.apply(Y, X); }) == "Grace::apply: X is 2 x 2, must be 1 x 2");
  const auto throwing = [](VectorXd&) { throw std::runtime_error("no"); };
  const Grace kept = patches;
  CHECK_THROWS_AS(patches.edit(one(0.1), 3, output, throwing), std::runtime_error);
  CHECK(same(patches, kept));

  const auto made = [](const GraceOptions& options, Index inputs, Index outputs) {
    return message_of([&] { Grace(options, inputs, outputs); });
  };
  CHECK(made({.radius = 0}, 1, 1) == "Grace: radius = 0, must be > 0 and finite");
  CHECK(made({.gap = -1}, 1, 1) == "Grace: gap = -1, must be >= 0 and finite");
  CHECK(made({.max_keys = 0}, 1, 1) == "Grace: max_keys = 0, must be in [1, 2147483647]");
  CHECK(made({}, 0, 1) == "Grace: inputs = 0, must be >= 1 and finite");
  CHECK(made({}, 1, 0) == "Grace: outputs = 0, must be >= 1 and finite");
}
