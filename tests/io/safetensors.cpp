#include "support/catch.hpp"
#include <glissade/io/safetensors.hpp>
#include <glissade/rule/groups.hpp>
#include <glissade/rules/adamw.hpp>
#include <glissade/rules/amsgrad.hpp>
#include <glissade/rules/sgd.hpp>
#include <glissade/transforms/trace.hpp>

#include "io/support.hpp"

using namespace glissade;
using namespace io_tests;
using Catch::Matchers::ContainsSubstring;

namespace {

enum class Kind { one, two };

/// Every kind of option and of state that a file keeps, and a gate.
struct Probe {
  static constexpr std::string_view name = "Probe";
  double number = 0.1;
  std::int64_t whole = -7;
  bool flag = true;
  Kind kind = Kind::two;
  Schedule schedule = 0.25;
  std::optional<Schedule> none = std::nullopt;
  std::optional<Schedule> some = 1e-300;
  TensorMask mask = {};

  static constexpr std::array<std::string_view, 1> slots{"memory"};
  static constexpr std::array<NamedScalar, 1> scalars{{{"weight", 2.5}}};
  static constexpr std::array<NamedScalar, 2> shared{{{"phase", 0}, {"held", 0}}};
  static void options(auto& self, auto&& visit) {
    visit("number", self.number, range::finite);
    visit("whole", self.whole);
    visit("flag", self.flag);
    visit("kind", self.kind, Range{0, 1});
    visit("schedule", self.schedule, range::non_negative);
    visit("none", self.none, range::non_negative);
    visit("some", self.some, range::non_negative);
    visit("mask", self.mask);
  }
  [[nodiscard]] double initial(std::size_t) const { return from_parameters; }
  [[nodiscard]] bool open(const double* numbers) const { return numbers[0] == 1; }
  void after(double* numbers, bool open) const {
    numbers[0] = 1 - numbers[0];
    if (!open) numbers[1] += 1;
  }
  [[nodiscard]] auto kernel(const Step& step) const {
    step.scalar(0) *= 1.5;
    return [](auto& u, const auto&, auto& memory) {
      memory += u;
      u = memory;
    };
  }
};

/// State that has not the parameter's shape.
struct Factors {
  static constexpr std::string_view name = "Factors";
  [[maybe_unused]] static constexpr int passes = 1;
  void fields(const Tensor& tensor, auto add) const {
    add("row_sums", tensor.rows, Index{1});
    add("pair", Index{2}, tensor.cols);
  }
  template <class T, class P>
  void update(const Step&, const MatrixUpdate<T, P>& m) const {
    for (Index i = 0; i < m.tensor.size(); ++i) {
      m.out[i] = m.in[i];
      m.fields[0][i % m.tensor.rows] += m.in[i];
    }
    for (Index i = 0; i < 2 * m.tensor.cols; ++i) m.fields[1][i] += static_cast<T>(i);
  }
};

/// Two rules of which an option picks one.
struct Two {
  static constexpr std::string_view name = "Two";
  double first = 0.5;
  double second = 0;
  static void options(auto& self, auto&& visit) {
    visit("first", self.first, range::decay);
    visit("second", self.second, range::decay);
  }
  [[nodiscard]] auto chain() const {
    return glissade::chain(When{first != 0, Trace{.momentum = first}}, When{second != 0, Trace{.momentum = second}},
                           ScaleByLearningRate{});
  }
};

struct Line {
  std::string dtype;
  std::string shape;
  std::string data;
};

/// The file taken apart by the JSON library's own tree.
std::map<std::string, Line> lines_of(const std::string& bytes) {
  const auto table = nlohmann::json::parse(header_of(bytes));
  const std::string data = bytes.substr(8 + header_of(bytes).size());
  std::map<std::string, Line> lines;
  for (const auto& [name, line] : table.items()) {
    if (name == "__metadata__") continue;
    const auto begin = line["data_offsets"][0].get<std::size_t>();
    const auto end = line["data_offsets"][1].get<std::size_t>();
    lines[name] = {line["dtype"].get<std::string>(), line["shape"].dump(), data.substr(begin, end - begin)};
  }
  return lines;
}

template <class T>
std::vector<T> numbers_in(const std::string& data) {
  std::vector<T> numbers(data.size() / sizeof(T));
  if (!data.empty()) std::memcpy(numbers.data(), data.data(), data.size());
  return numbers;
}

TEST_CASE("a file holds the arrays that its head comment lists") {
  Eigen::MatrixXf weights(2, 3);
  weights << 1, 2, 3, 4, 5, 6;
  Eigen::VectorXf bias = Eigen::VectorXf::Ones(2);
  Eigen::RowVectorXf row = Eigen::RowVectorXf::Ones(4);
  float scale = 9;
  Optimizer optimizer{chain(Trace{}, Probe{}, Trace{}), named("W", weights), named("b", bias), named("row", row),
                      named("scale", scale)};
  optimizer.step(weights, bias, no_gradient, scale);
  optimizer.step(weights, bias, no_gradient, scale);

  const std::string bytes = saved_bytes(optimizer);
  const auto lines = lines_of(bytes);
  CHECK(lines.size() == 4 + 4 * 4 + 1 + 3);
  CHECK(lines.at("W").dtype == "F32");
  CHECK(lines.at("W").shape == "[2,3]");
  CHECK(lines.at("b").shape == "[2]");
  CHECK(lines.at("row").shape == "[4]");
  CHECK(lines.at("scale").shape == "[]");
  for (const char* field : {"momentum_buffer", "memory", "momentum_buffer#2"}) {
    CHECK(lines.at(std::string("state/W/") + field).shape == "[2,3]");
    CHECK(lines.at(std::string("state/scale/") + field).shape == "[]");
  }
  CHECK(lines.at("state/W/weight").dtype == "F64");
  CHECK(lines.at("state/W/weight").shape == "[1]");
  CHECK(numbers_in<double>(lines.at("state/W/weight").data) == std::vector{2.5 * 1.5 * 1.5});
  CHECK_FALSE(lines.contains("state/W/counts"));
  CHECK(lines.at("state/row/counts").dtype == "I64");
  CHECK(lines.at("state/row/counts").shape == "[2]");
  CHECK(numbers_in<std::int64_t>(lines.at("state/row/counts").data) == std::vector<std::int64_t>{1, 0});
  CHECK(numbers_in<std::int64_t>(lines.at("optimizer/counts").data) == std::vector<std::int64_t>{2, 1});
  CHECK(numbers_in<std::int64_t>(lines.at("optimizer/calls").data) == std::vector<std::int64_t>{2});
  CHECK(numbers_in<double>(lines.at("optimizer/shared/1").data) == std::vector<double>{0, 1});
  CHECK(header_of(bytes).size() % 8 == 0);

  Optimizer other{chain(Trace{}, Probe{}, Trace{}), named("W", weights), named("b", bias), named("row", row),
                  named("scale", scale)};
  load_bytes(other, bytes);
  CHECK(snapshot(other) == snapshot(optimizer));
}

TEST_CASE("a matrix is written row by row, whatever its storage order and size") {
  // The second is wider, the third larger than the buffer that a matrix goes through.
  for (const auto& [rows, cols] : {std::pair<Index, Index>{2, 3}, {3, 40'000}, {700, 300}, {0, 5}, {5, 0}}) {
    Eigen::MatrixXd column_major(rows, cols);
    for (Index r = 0; r < rows; ++r)
      for (Index c = 0; c < cols; ++c) column_major(r, c) = static_cast<double>(r * cols + c);
    Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> row_major = column_major;
    const Optimizer first{Sgd{.momentum = 0.9}, column_major};
    Optimizer second{Sgd{.momentum = 0.9}, row_major};
    const std::string bytes = saved_bytes(first);
    const bool same_bytes = bytes == saved_bytes(second);
    CHECK(same_bytes);
    const auto numbers = numbers_in<double>(lines_of(bytes).at("0").data);
    REQUIRE(numbers.size() == static_cast<std::size_t>(rows * cols));
    bool in_order = true;
    for (std::size_t i = 0; i < numbers.size(); ++i) in_order = in_order && numbers[i] == static_cast<double>(i);
    CHECK(in_order);
    row_major.setZero();
    load_bytes(second, bytes);
    CHECK(row_major == column_major);
    const Eigen::MatrixXd before = column_major;
    Optimizer third{Sgd{.momentum = 0.9}, column_major};
    column_major.setZero();
    load_bytes(third, bytes);
    CHECK(column_major == before);
  }
}

TEST_CASE("state of another shape is kept by its own rows and columns") {
  Eigen::MatrixXd weights = Eigen::MatrixXd::Random(3, 4);
  const Eigen::MatrixXd gradient = Eigen::MatrixXd::Random(3, 4);
  Optimizer optimizer{chain(Factors{}, Sgd{}), named("W", weights)};
  optimizer.step(gradient);
  const std::string bytes = saved_bytes(optimizer);
  const auto lines = lines_of(bytes);
  CHECK(lines.at("state/W/row_sums").shape == "[3]");
  CHECK(lines.at("state/W/pair").shape == "[2,4]");
  Eigen::MatrixXd fresh = Eigen::MatrixXd::Zero(3, 4);
  Optimizer other{chain(Factors{}, Sgd{}), named("W", fresh)};
  load_bytes(other, bytes);
  CHECK(snapshot(other) == snapshot(optimizer));
}

TEST_CASE("metadata holds the rule and every option") {
  float x = 1;
  const Schedule callable = [](std::int64_t) { return 0.5; };
  Optimizer optimizer{chain(Probe{}, with_state<Eigen::bfloat16>(Sgd{.learning_rate = callable})),
                      OptimizerOptions{.maximize = true, .seed = 18446744073709551615u}, named("x", x)};
  const auto metadata = nlohmann::json::parse(header_of(saved_bytes(optimizer)))["__metadata__"];
  const nlohmann::json expected = {{"format", "glissade"},
                                   {"format_version", "1"},
                                   {"library_version", metadata.at("library_version")},
                                   {"rule", "chain(Probe, Sgd)"},
                                   {"option/0.Probe.number", "0.1"},
                                   {"option/0.Probe.whole", "-7"},
                                   {"option/0.Probe.flag", "1"},
                                   {"option/0.Probe.kind", "1"},
                                   {"option/0.Probe.schedule", "0.25"},
                                   {"option/0.Probe.none", "none"},
                                   {"option/0.Probe.some", "1e-300"},
                                   {"option/1.Sgd.learning_rate", "schedule"},
                                   {"option/1.Sgd.momentum", "0"},
                                   {"option/1.Sgd.dampening", "0"},
                                   {"option/1.Sgd.nesterov", "0"},
                                   {"option/1.Sgd.rate_in_buffer", "0"},
                                   {"option/1.Sgd.weight_decay", "0"},
                                   {"option/optimizer.maximize", "1"},
                                   {"option/optimizer.seed", "18446744073709551615"},
                                   {"option/optimizer.rounding", "0"}};
  CHECK(metadata == expected);
}

TEST_CASE("options come from the file, code stays") {
  float x = 1;
  const Probe changed{
      .number = 1.0 / 3, .whole = 5, .flag = false, .kind = Kind::one, .schedule = 2, .none = 3, .some = std::nullopt};
  const Optimizer optimizer{changed, OptimizerOptions{.maximize = true, .threads = 3, .seed = 4}, x};
  bool asked = false;
  float y = 2;
  Optimizer other{Probe{.mask = [&](const Tensor&) { return asked = true; }}, OptimizerOptions{.threads = 2}, y};
  load_bytes(other, saved_bytes(optimizer));
  CHECK(y == 1);
  CHECK(other.rule().number == 1.0 / 3);
  CHECK(other.rule().whole == 5);
  CHECK_FALSE(other.rule().flag);
  CHECK(other.rule().kind == Kind::one);
  CHECK(other.rule().schedule.constant() == 2.0);
  CHECK(other.rule().none->constant() == 3.0);
  CHECK_FALSE(other.rule().some);
  CHECK(other.options().maximize);
  CHECK(other.options().seed == 4);
  CHECK(other.options().threads == 2);
  CHECK((other.rule().mask(other.tensor(0)) && asked));
}

TEST_CASE("a callable stays the program's own, a callable in the file asks for one") {
  float x = 1;
  const Schedule callable = [](std::int64_t t) { return 0.5 + static_cast<double>(t); };
  const Optimizer with_number{Sgd{.learning_rate = 0.125}, named("x", x)};
  const Optimizer with_callable{Sgd{.learning_rate = callable}, named("x", x)};

  Optimizer other{Sgd{.learning_rate = callable}, named("x", x)};
  load_bytes(other, saved_bytes(with_callable));
  CHECK(other.rule().learning_rate(2) == 2.5);
  load_bytes(other, saved_bytes(with_number));
  CHECK(other.rule().learning_rate(3) == 3.5);

  Optimizer number{Sgd{}, named("x", x)};
  load_bytes(number, saved_bytes(with_number));
  CHECK(number.rule().learning_rate.constant() == 0.125);
  CHECK(message_of<std::runtime_error>([&] { load_bytes(number, saved_bytes(with_callable)); }) ==
        "run.safetensors: \"option/0.Sgd.learning_rate\": is \"schedule\", must be a number, for the "
        "optimizer has no schedule of its own");
  CHECK(number.rule().learning_rate.constant() == 0.125);
  CHECK(message_of<std::runtime_error>([&] {
          load_bytes(other, edited(saved_bytes(with_number), "\"0.125\"", "\"0.12.5\""));
        }) == "run.safetensors: \"option/0.Sgd.learning_rate\": is \"0.12.5\", must be a number or schedule");
}

TEST_CASE("a callable stays the program's own in every schedule option, whatever the file holds there") {
  const auto own = [](double first) {
    return Schedule([first](std::int64_t t) { return first + static_cast<double>(t); });
  };
  float x = 1;
  for (const std::optional<Schedule>& saved :
       {std::optional<Schedule>(), std::optional<Schedule>(0.25), std::optional<Schedule>(own(7))}) {
    const Probe in_file{.schedule = 2, .none = saved, .some = saved};
    const Optimizer optimizer{in_file, x};
    Optimizer other{Probe{.schedule = own(1), .none = own(2), .some = own(3)}, x};
    load_bytes(other, saved_bytes(optimizer));
    CHECK(other.rule().schedule(5) == 6);
    REQUIRE(other.rule().none);
    CHECK((*other.rule().none)(5) == 7);
    REQUIRE(other.rule().some);
    CHECK((*other.rule().some)(5) == 8);
    AnyOptimizer<float> any{Probe{.schedule = own(1), .none = own(2), .some = own(3)}, x};
    load_bytes(any, saved_bytes(optimizer));
    CHECK(any.get("schedule") == 1);
    CHECK(any.get("none") == 2);
    CHECK(any.get("some") == 3);
  }
  const auto rule = [](const Schedule& rate) {
    return groups(Sgd{.learning_rate = rate}, group("b", chain(Trace{}, ScaleByLearningRate{.learning_rate = rate})));
  };
  float b = 2;
  const Optimizer optimizer{rule(0.5), named("x", x), named("b", b)};
  Optimizer other{rule(own(1)), named("x", x), named("b", b)};
  load_bytes(other, saved_bytes(optimizer));
  CHECK(other.rule().rule.learning_rate(4) == 5);
  CHECK(get<1>(other.rule().member<0>()).learning_rate(4) == 5);
}

TEST_CASE("options that change what state there is are restored with their state") {
  Eigen::VectorXd x = Eigen::VectorXd::Ones(3);
  Eigen::VectorXd y = Eigen::VectorXd::Zero(3);
  Optimizer heavy{Sgd{.momentum = 0.9}, named("x", x)};
  heavy.step(x);
  Optimizer light{Sgd{}, named("x", y)};
  load_bytes(light, saved_bytes(heavy));
  CHECK(snapshot(light) == snapshot(heavy));
  light.step(y);
  heavy.step(x);
  CHECK(snapshot(light) == snapshot(heavy));

  Optimizer plain{Sgd{}, named("x", x)};
  load_bytes(light, saved_bytes(plain));
  CHECK(light.state_bytes() == 0);

  // Changed since the last step: the file has the state that the next step would begin with.
  plain.rule().momentum = 0.5;
  load_bytes(light, saved_bytes(plain));
  CHECK(plain.state_bytes() == 0);
  CHECK(light.state_bytes() == 24);
  light.step(y);
  plain.step(x);
  CHECK(snapshot(light) == snapshot(plain));
}

TEST_CASE("state that has moved to another rule of the chain since the last step is not mixed up") {
  Eigen::VectorXd x = Eigen::VectorXd::Ones(3);
  Eigen::VectorXd y = Eigen::VectorXd::Zero(3);
  Optimizer optimizer{Two{}, named("x", x)};
  optimizer.step(x);
  optimizer.rule() = {.first = 0, .second = 0.5};
  Optimizer other{Two{}, named("x", y)};
  load_bytes(other, saved_bytes(optimizer));
  optimizer.step(x);
  other.step(y);
  CHECK(snapshot(other) == snapshot(optimizer));
}

TEST_CASE("a parameter that was assigned to is saved and loaded where it lies now") {
  Eigen::VectorXd x = Eigen::VectorXd::Zero(3);
  Optimizer optimizer{Sgd{}, named("x", x)};
  Eigen::VectorXd other = Eigen::VectorXd::Ones(3);
  x.swap(other);
  other = Eigen::VectorXd();
  const Optimizer<Sgd, double>& reader = optimizer;
  const std::string bytes = saved_bytes(reader);
  CHECK(numbers_in<double>(lines_of(bytes).at("x").data) == std::vector<double>{1, 1, 1});
  other = Eigen::VectorXd::Constant(3, 5);
  x.swap(other);
  other = Eigen::VectorXd();
  load_bytes(optimizer, bytes);
  CHECK(x == Eigen::VectorXd::Ones(3));
  x.resize(4);
  CHECK_THROWS_AS(saved_bytes(reader), std::invalid_argument);
  CHECK_THROWS_AS(load_bytes(optimizer, bytes), std::invalid_argument);
}

TEST_CASE("names are kept, whatever is in them") {
  const std::vector<std::string> names{"say \"W\"",
                                       "back\\slash",
                                       "layer/1/weight",
                                       "sm\u00f8rrebr\u00f8d",
                                       "\u96ea",
                                       "tab\tand\nline",
                                       std::string("zero\0byte", 9),
                                       "state",
                                       "counts",
                                       "#2",
                                       " ",
                                       "{\"dtype\":\"F32\"}"};
  for (const std::string& name : names) {
    CAPTURE(name);
    float x = 3;
    const Optimizer optimizer{Sgd{.momentum = 0.9}, named(name, x)};
    float y = 0;
    Optimizer other{Sgd{}, named(name, y)};
    load_bytes(other, saved_bytes(optimizer));
    CHECK(y == 3);
    CHECK(lines_of(saved_bytes(optimizer)).contains("state/" + name + "/momentum_buffer"));
  }
}

TEST_CASE("names that a file could not hold are refused") {
  const Folder folder;
  for (const std::string name : {"state/", "state/W", "optimizer/calls", "__metadata__", "not UTF-8: \xff"}) {
    CAPTURE(name);
    float x = 3;
    const Optimizer optimizer{Sgd{}, named(name, x)};
    CHECK_THROWS_AS(save(optimizer, folder / "run.safetensors"), std::invalid_argument);
    CHECK(folder.entries() == 0);
  }
}

TEST_CASE("a table that other readers would refuse is refused, and the old file stays", "[slow]") {
  const Folder folder;
  const auto path = folder / "run.safetensors";
  float x = 3;
  const auto save_named = [&](std::size_t length) {
    const Optimizer optimizer{Sgd{}, named(std::string(length, 'W'), x)};
    save(optimizer, path);
  };
  save_named(1);
  const std::size_t longest = 1 + (100'000'000 - header_of(read_file(path)).size());
  const std::string old = read_file(path);
  CHECK(message_of([&] { save_named(longest + 8); }) ==
        "save: the table of 3 arrays takes 100000008 bytes, must be at most 100000000");
  CHECK(read_file(path) == old);
  CHECK(folder.entries() == 1);

  save_named(longest);
  CHECK(std::filesystem::file_size(path) == 8 + 100'000'000 + 20);
  float y = 0;
  Optimizer other{Sgd{}, named(std::string(longest, 'W'), y)};
  load(other, path);
  CHECK(y == 3);
}

TEST_CASE("many tensors are bound, stepped, saved and loaded") {
  std::vector<Eigen::Vector2f> x(100'000, Eigen::Vector2f(1, 2)), gradients = x;
  RuleState<float> memory;
  step(Sgd{.learning_rate = 0.5}, memory, x, gradients);
  Optimizer optimizer{Sgd{.learning_rate = 0.5}, x};
  optimizer.step(gradients);
  CHECK(x.back() == Eigen::Vector2f(0, 0));

  const Folder folder;
  x.resize(10'000);
  gradients.resize(10'000);
  std::vector<Eigen::Vector2f> y(x.size(), Eigen::Vector2f(0, 0));
  Optimizer some{Adam{}, x}, other{Adam{}, y};
  some.step(gradients);
  save(some, folder / "run.safetensors");
  load(other, folder / "run.safetensors");
  CHECK(y == x);
}

TEST_CASE("an option out of its range is not saved") {
  float x = 3;
  Optimizer optimizer{Adam{}, named("x", x)};
  optimizer.rule().beta1 = 1.5;
  CHECK_THROWS_AS(saved_bytes(optimizer), std::invalid_argument);
}

TEST_CASE("a file is read by name and saved to a path of any kind") {
  const Folder folder;
  float x = 3;
  const Optimizer optimizer{Sgd{}, named("x", x)};
  save(optimizer, (folder / "run.safetensors").string());
  float y = 0;
  Optimizer other{Sgd{}, named("x", y)};
  load(other, (folder / "run.safetensors").c_str());
  CHECK(y == 3);
  CHECK(read_file(folder / "run.safetensors") == saved_bytes(optimizer));

  CHECK_THAT(message_of<std::runtime_error>([&] { load(other, folder / "absent.safetensors"); }),
             ContainsSubstring("absent.safetensors: cannot be read: No such file"));
  std::filesystem::create_directory(folder / "folder");
  CHECK_THAT(message_of<std::runtime_error>([&] { load(other, folder / "folder"); }),
             ContainsSubstring("cannot be read"));
}

}  // namespace
