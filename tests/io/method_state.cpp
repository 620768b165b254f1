#include "support/archetypes.hpp"
#include "support/catch.hpp"
#include <glissade/io/history_csv.hpp>
#include <glissade/io/method_state.hpp>
#include <glissade/minimize/minimize.hpp>
#include <glissade/minimize/quasi_newton/lbfgs.hpp>
#include <glissade/minimize/quasi_newton/nonlinear_cg.hpp>
#include <glissade/rules/adam.hpp>
#include <glissade/rules/nadam.hpp>

#include "io/support.hpp"

using namespace glissade;
using namespace io_tests;
using Eigen::VectorXd;

namespace {

const auto bowl = [](const VectorXd& x, VectorXd& g) -> double {
  g[0] = x[0] - 1;
  g[1] = 10 * (x[1] - 2);
  return 0.5 * g[0] * g[0] + 0.05 * g[1] * g[1];
};

/// One field of every kind.
struct Everything {
  static constexpr std::string_view name = "Everything";
  double number = 0.1;
  bool flag = true;
  std::int64_t count = 3;
  std::vector<std::int64_t> order{2, 0, 1};
  Eigen::MatrixXd matrix = Eigen::MatrixXd::Random(3, 2);
  Eigen::Vector3d fixed{1, 2, 3};
  Eigen::Matrix<double, 2, 3, Eigen::RowMajor> rows = Eigen::Matrix<double, 2, 3, Eigen::RowMajor>::Random();

  static void visit(auto& self, auto&& field) {
    field("number", self.number);
    field("flag", self.flag);
    field("count", self.count, 0, 5);
    field("order", self.order, 0, 2);
    field("matrix", self.matrix);
    field("fixed", self.fixed);
    field("rows", self.rows);
  }
  friend bool operator==(const Everything&, const Everything&) = default;
};

std::string bytes_of(const auto& state) {
  std::string bytes;
  detail::write_state(state, static_cast<const double*>(nullptr), 0, [&](const std::byte* data, std::size_t size) {
    bytes.append(reinterpret_cast<const char*>(data), size);
  });
  return bytes;
}

std::string load_error(auto& state, const std::string& bytes) {
  std::istringstream in(bytes);
  return message_of<std::runtime_error>(
      [&] { detail::read_state(state, static_cast<double*>(nullptr), 0, in, "state"); });
}

}  // namespace

TEST_CASE("method state: every kind of field comes back") {
  const Everything saved;
  Everything loaded;
  loaded.number = 0;
  loaded.flag = false;
  loaded.count = 0;
  loaded.order = {0, 0, 0};
  loaded.matrix.setZero();
  loaded.fixed.setZero();
  loaded.rows.setZero();
  CHECK(load_error(loaded, bytes_of(saved)).empty());
  CHECK(loaded == saved);
}

TEST_CASE("method state: what would make a state invalid is refused and nothing changes") {
  Everything wrong;
  wrong.count = 6;
  Everything state;
  state.number = 7;
  const Everything before = state;
  CHECK(load_error(state, bytes_of(wrong)) == "state: \"state/count\": 6, must be in [0, 5]");
  wrong = {};
  wrong.order[1] = -1;
  CHECK(load_error(state, bytes_of(wrong)) == "state: \"state/order\": -1, must be in [0, 2]");
  wrong = {};
  wrong.matrix.resize(2, 2);
  wrong.matrix.setZero();
  CHECK(load_error(state, bytes_of(wrong)) == "state: \"state/matrix\": shape [2, 2], expected [3, 2]");
  const std::string good = bytes_of(Everything{});
  CHECK(load_error(state, edited(good, "\"Everything\"", "\"Something_\"")) ==
        "state: \"method\": is \"Something_\", expected \"Everything\"");
  CHECK(load_error(state, edited(good, "state/count", "state/bount")) ==
        "state: \"state/count\": missing, expected I64 []");
  std::string flag = good;
  flag.back() = '\2';  // bytes come last
  CHECK(load_error(state, flag) == "state: \"state/flag\": must be 0 or 1");
  CHECK(load_error(state, good.substr(0, good.size() - 1)).find("ends at") != std::string::npos);
  CHECK(state == before);
}

TEST_CASE("method state: a state that load would refuse is not saved, and the old file stays") {
  const Folder folder;
  const auto path = folder / "run.safetensors";
  write_file(path, "old");
  Everything wrong;
  wrong.count = 6;
  CHECK(message_of([&] { save(wrong, path); }) == "save: \"state/count\": 6, must be in [0, 5]");
  wrong = {};
  wrong.order[1] = -1;
  CHECK(message_of([&] { save(wrong, path); }) == "save: \"state/order\": -1, must be in [0, 2]");

  // Parameters of one name.
  VectorXd x = VectorXd::Zero(2), y = x;
  const auto twice = [&] { return std::tuple(named("x", std::ref(x).get()), named("x", std::ref(y).get())); };
  RuleState<double> memory;
  const std::string reason = "Optimizer: two parameters are named \"x\"";
  CHECK(message_of([&] { step(Adam{}, memory, twice(), std::tie(x, y)); }) == reason);
  CHECK(message_of([&] { static_cast<void>(initial_state(Adam{}, twice())); }) == reason);
  CHECK(memory == RuleState<double>{});
  memory = initial_state(Adam{}, std::tuple(named("x", std::ref(x).get()), named("y", std::ref(y).get())));
  memory.tensors[1].name = "x";
  CHECK(message_of([&] { save(memory, path); }).find("save: two arrays are named \"state/x/") == 0);
  CHECK(read_file(path) == "old");
  CHECK(folder.entries() == 1);
}

TEST_CASE("method state: another method's file, or another number of variables, is refused") {
  const Folder folder;
  FirstOrder f(formulas::smooth);
  VectorXd x = VectorXd::Constant(4, 0.7);
  auto state = Lbfgs{.memory = 3}.init(f, x);
  save(state, x, folder / "state.safetensors");
  auto other = NonlinearCg{}.init(f, x);
  CHECK(message_of<std::runtime_error>([&] {
          load(other, folder / "state.safetensors");
        }).ends_with("\"method\": is \"Lbfgs\", expected \"NonlinearCg\""));
  VectorXd y = VectorXd::Zero(5);
  auto longer = Lbfgs{.memory = 3}.init(f, y);
  CHECK(message_of<std::runtime_error>([&] {
          load(longer, y, folder / "state.safetensors");
        }).ends_with("shape [4], expected [5]"));
  auto more = Lbfgs{.memory = 5}.init(f, x);
  CHECK(message_of<std::runtime_error>([&] {
          load(more, x, folder / "state.safetensors");
        }).ends_with("\"state/s\": shape [4, 3], expected [4, 5]"));
}

TEST_CASE("method state: a lifted rule goes on in another program bit for bit") {
  const Folder folder;
  const Lifted method{NAdam{.learning_rate = 0.05}};
  VectorXd whole = VectorXd::Zero(2);
  minimize(bowl, whole, method, {.max_iterations = 30});

  VectorXd x = VectorXd::Zero(2);
  auto state = method.init(bowl, x);
  resume(bowl, x, method, state, {.max_iterations = 11});
  save(state, x, folder / "run.safetensors");

  VectorXd y = VectorXd::Zero(2);
  auto other = method.init(bowl, y);
  load(other, y, folder / "run.safetensors");
  CHECK(y == x);
  resume(bowl, y, method, other, {.max_iterations = 19});
  CHECK(y == whole);

  auto adam = Lifted{Adam{}}.init(bowl, y);
  CHECK(message_of<std::runtime_error>([&] {
          load(adam, folder / "run.safetensors");
        }).find("\"method\": is \"NAdam\", expected \"Adam\"") != std::string::npos);
}

TEST_CASE("method state: the point may stay in the file, but must be there if it is wanted") {
  const Folder folder;
  const Lifted method{NAdam{.learning_rate = 0.05}};
  VectorXd x = VectorXd::Zero(2);
  auto state = method.init(bowl, x);
  resume(bowl, x, method, state, {.max_iterations = 11});
  save(state, x, folder / "with.safetensors");
  save(state, folder / "without.safetensors");

  VectorXd y = VectorXd::Ones(2);
  for (const char* name : {"with.safetensors", "without.safetensors"}) {
    auto other = method.init(bowl, y);
    REQUIRE(bytes_of(other) != bytes_of(state));
    load(other, folder / name);
    CHECK(bytes_of(other) == bytes_of(state));
  }
  auto other = method.init(bowl, y);
  const std::string before = bytes_of(other);
  CHECK(message_of<std::runtime_error>([&] {
          load(other, y, folder / "without.safetensors");
        }).ends_with("\"x\": missing, expected F64 [2]"));
  CHECK(bytes_of(other) == before);
  CHECK(y == VectorXd::Ones(2));
}

TEST_CASE("history: a table whose numbers read back") {
  const Folder folder;
  VectorXd x = VectorXd::Zero(2);
  History history;
  minimize(bowl, x, Adam{.learning_rate = 0.1}, {.max_iterations = 2}, history);
  write_csv(history, folder / "history.csv");
  std::istringstream lines(read_file(folder / "history.csv"));
  std::string line;
  std::getline(lines, line);
  CHECK(line == "iteration,value,gradient_norm,step_norm,seconds,values,gradients,hessians,hessian_vectors,proxes");
  std::getline(lines, line);
  CHECK(line.starts_with("0,20.5," + to_text(history.gradient_norm[0]) + ",0,"));
  CHECK(line.ends_with(",1,1,0,0,0"));
  std::getline(lines, line);
  std::getline(lines, line);
  CHECK(line.starts_with("2," + to_text(history.value[2]) + ","));
  CHECK_FALSE(std::getline(lines, line));
}
