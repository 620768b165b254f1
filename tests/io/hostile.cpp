#include "support/catch.hpp"
#include <glissade/rules/adamw.hpp>
#include <glissade/rules/sgd.hpp>

#include "io/support.hpp"

using namespace glissade;
using namespace io_tests;
using Catch::Matchers::ContainsSubstring;

namespace {

/// An optimizer in the middle of its work, and a file that it would take.
struct Victim {
  Eigen::Matrix2f weights = Eigen::Matrix2f::Constant(7);
  Optimizer<Sgd, float> optimizer{Sgd{.learning_rate = 0.25, .momentum = 0.5}, named("W", weights)};
  std::vector<std::string> before;

  Victim() {
    optimizer.step(weights);
    before = snapshot(optimizer);
  }
  /// What load says to a file that it must refuse without having touched anything.
  std::string refusal(const std::string& bytes) {
    std::string message = message_of<std::runtime_error>([&] { load_bytes(optimizer, bytes); });
    CHECK(snapshot(optimizer) == before);
    CHECK_THAT(message, Catch::Matchers::StartsWith("run.safetensors: "));
    return message.substr(std::min<std::size_t>(message.size(), 17));
  }
};

std::string good_file() {
  Eigen::Matrix2f weights = Eigen::Matrix2f::Constant(1);
  Optimizer optimizer{Sgd{.momentum = 0.9}, named("W", weights)};
  optimizer.step(weights);
  optimizer.step(weights);
  optimizer.memory().states[0].counts = {1, 1};  // as if one step had brought no gradient: counts of its own
  return saved_bytes(optimizer);
}

const std::string line_of_w = R"("W":{"dtype":"F32","shape":[2, 2],"data_offsets":[24, 40]})";
const std::string line_of_calls = R"("optimizer/calls":{"dtype":"I64","shape":[1],"data_offsets":[16, 24]})";

TEST_CASE("the file that the others are made of is good") {
  Victim victim;
  load_bytes(victim.optimizer, good_file());
  CHECK(snapshot(victim.optimizer) != victim.before);
  CHECK(victim.optimizer.rule().momentum == 0.9);
}

TEST_CASE("a file cut off anywhere is refused") {
  Victim victim;
  const std::string bytes = good_file();
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    CAPTURE(length);
    CHECK_THAT(victim.refusal(bytes.substr(0, length)), Catch::Matchers::StartsWith("\""));
  }
  CHECK(victim.refusal(bytes + "x") == "\"header\": the arrays end at 56, the data at 57");
}

TEST_CASE("no flipped bit of the header does harm") {
  const std::string bytes = good_file();
  const std::size_t end = 8 + header_of(bytes).size();
  Victim victim;
  for (std::size_t i = 0; i < end; ++i)
    for (int bit = 0; bit < 8; ++bit) {
      std::string broken = bytes;
      broken[i] = static_cast<char>(broken[i] ^ (1 << bit));
      try {
        // In metadata that is for people, or in an option, a change may be a change for another
        // good value.
        load_bytes(victim.optimizer, broken);
        victim.before = snapshot(victim.optimizer);
      } catch (const std::runtime_error& refused) {
        CHECK(snapshot(victim.optimizer) == victim.before);
        CHECK_THAT(refused.what(), Catch::Matchers::StartsWith("run.safetensors: "));
      }
    }
}

TEST_CASE("each kind of broken table is refused by the name of the field") {
  struct Row {
    std::string from;
    std::string to;
    std::string message;
  };
  const std::vector<Row> rows{
      // Values of the wrong kind.
      {line_of_w, R"("W":3)", R"("W": 3, must be an object)"},
      {line_of_w, R"("W":[1])", R"("W": a list, must be an object)"},
      {line_of_w, R"("W":null)", R"("W": null, must be an object)"},
      {line_of_w, R"("W":true)", R"("W": true, must be an object)"},
      {line_of_w, R"("W":"F32")", R"("W": "F32", must be an object)"},
      {line_of_w, R"("W":{})", R"("W": dtype is missing)"},
      {R"("dtype":"F32",)", "", R"("W": dtype is missing)"},
      {R"("shape":[2, 2],)", "", R"("W": shape is missing)"},
      {R"(,"data_offsets":[24, 40])", "", R"("W": data_offsets is missing)"},
      {R"("dtype":"F32")", R"("dtype":32)", R"("W": dtype is 32, must be text)"},
      {R"("dtype":"F32")", R"("dtype":["F32"])", R"("W": dtype is a list, must be text)"},
      {R"("shape":[2, 2])", R"("shape":4)", R"("W": shape is 4, must be a list of numbers)"},
      {R"("shape":[2, 2])", R"("shape":{"a":1})", R"("W": shape is an object, must be a list of numbers)"},
      {R"("shape":[2, 2])", R"("shape":[2, "2"])", R"("W": shape holds "2", must hold whole numbers >= 0)"},
      {R"("shape":[2, 2])", R"("shape":[[2, 2]])", R"("W": shape holds a list, must hold whole numbers >= 0)"},
      {R"("shape":[2, 2])", R"("shape":[2, 2.0])", R"("W": shape holds 2.0, must hold whole numbers >= 0)"},
      {R"("shape":[2, 2])", R"("shape":[-2, -2])", R"("W": shape holds -2, must hold whole numbers >= 0)"},
      {R"("shape":[2, 2])", R"("shape":[1,1,1,1,1,1,1,2,2])", R"("W": shape has more than 8 numbers)"},
      {R"("rule":"Sgd")", R"("rule":1)", R"("__metadata__": "rule" is 1, must be text)"},
      {R"("rule":"Sgd")", R"("rule":{"a":"b"})", R"("__metadata__": "rule" is an object, must be text)"},
      // Names.
      {R"("dtype":"F32")", R"("dtype":"F33")", R"("W": dtype "F33" is unknown)"},
      {R"("dtype":"F32")", R"("dtype":"F32","extra":1)", R"("W": unknown member "extra")"},
      {line_of_w, line_of_w + "," + line_of_w, R"("W": occurs twice)"},
      {R"("dtype":"F32")", R"("dtype":"F32","dtype":"F32")", R"("W": dtype occurs twice)"},
      {R"("rule":"Sgd")", R"("rule":"Sgd","rule":"Sgd")", R"("__metadata__": "rule" occurs twice)"},
      {line_of_w, R"("__metadata__":{},)" + line_of_w, R"("__metadata__": occurs twice)"},
      // Extents.
      {"[24, 40]", "[-1, 40]", R"("W": data_offsets holds -1, must hold whole numbers >= 0)"},
      {"[24, 40]", "[24]", R"("W": data_offsets [24], must be two)"},
      {"[24, 40]", "[24, 40, 40]", R"("W": data_offsets has more than 2 numbers)"},
      {"[24, 40]", "[40, 24]", R"("W": data_offsets [40, 24], must span the 16 bytes of F32 [2, 2])"},
      {R"("dtype":"F32","shape":[2, 2],"data_offsets":[24, 40])",
       R"("dtype":"U8","shape":[18446744073709551600],"data_offsets":[40, 24])",
       R"("W": data_offsets [40, 24], must span the 18446744073709551600 bytes of U8)"},
      {"[24, 40]", "[24, 36]", R"("W": data_offsets [24, 36], must span the 16 bytes of F32 [2, 2])"},
      {"[24, 40]", "[23, 39]", R"("W": begins at 23, the array before it ends at 24)"},
      {"[24, 40]", "[25, 41]", R"("W": begins at 25, the array before it ends at 24)"},
      {"[24, 40]", "[16, 32]", R"("W": begins at 16, the array before it ends at 24)"},
      {"[40, 56]", "[24, 40]", R"(begins at 24, the array before it ends at 40)"},
      {"[24, 40]", "[18446744073709551600, 18446744073709551616]", R"(must hold whole numbers >= 0)"},
      {"[24, 40]", "[18446744073709551599, 18446744073709551615]", R"(, the array before it ends at 24)"},
      {R"("shape":[2, 2],"data_offsets":[24, 40])",
       R"("shape":[4611686018427387904, 4611686018427387904],"data_offsets":[24, 40])",
       R"("W": shape [4611686018427387904, 4611686018427387904] is too large)"},
      {R"([16, 24]},"W":{"dtype":"F32","shape":[2, 2],"data_offsets":[24, 40])",
       R"([16, 24]},"W":{"dtype":"F32","shape":[2305843009213693952],"data_offsets":[24, 9223372036854775832])",
       R"("W": ends at 9223372036854775832, the data at 56)"},
      // Not what the optimizer wants.
      {R"("dtype":"F32","shape":[2, 2])", R"("dtype":"F64","shape":[2, 1])", R"("W": dtype F64, expected F32)"},
      {R"("shape":[2, 2])", R"("shape":[4, 1])", R"("W": shape [4, 1], expected [2, 2])"},
      {R"("shape":[2, 2])", R"("shape":[4])", R"("W": shape [4], expected [2, 2])"},
      {"\"W\":", "\"V\":", R"("W": missing, expected F32 [2, 2])"},
      {"state/W/momentum_buffer", "state/W/other", R"("state/W/momentum_buffer": missing, expected F32 [2, 2])"},
      {R"({"dtype":"F32")", R"({"dtype":"I32")", R"("W": dtype I32, expected F32)"},
      {line_of_w, line_of_w + R"(,"state/V":{"dtype":"F32","shape":[0],"data_offsets":[40, 40]})",
       R"("state/V": not part of the optimizer)"},
      {"optimizer/calls", "optimizer/colls", R"("optimizer/calls": missing, expected I64 [1])"},
      {R"("format":"glissade")", R"("format":"pt")", R"("format": is "pt", expected "glissade")"},
      {R"("format":"glissade",)", "", R"("format": missing, expected "glissade")"},
      {R"("format_version":"1")", R"("format_version":"2")", R"("format_version": is "2", expected "1")"},
      {R"("rule":"Sgd")", R"("rule":"Adam")", R"("rule": is "Adam", expected "Sgd")"},
      {"__metadata__", "__metadato__", R"("__metadato__": unknown member "format")"},
      // Options.
      {R"(momentum":"0.9")", R"(momentum":"fast")", R"("option/0.Sgd.momentum": is "fast", must be a number)"},
      {R"(momentum":"0.9")", R"(momentum":"")", R"("option/0.Sgd.momentum": is "", must be a number)"},
      {R"(momentum":"0.9")", R"(momentum":"0.9 ")", R"("option/0.Sgd.momentum": is "0.9 ", must be a number)"},
      {R"(momentum":"0.9")", R"(momentum":"1e999")", R"("option/0.Sgd.momentum": is "1e999", must be a number)"},
      {R"(momentum":"0.9")", R"(momentum":"1")", R"(Sgd: momentum = 1, must be in [0, 1))"},
      {R"(momentum":"0.9")", R"(momentum":"nan")", R"(Sgd: momentum = nan, must be in [0, 1))"},
      {R"(momentum":"0.9")", R"(momentum":"0")", R"("state/W/momentum_buffer": not part of the optimizer)"},
      {R"(learning_rate":"0.001")", R"(learning_rate":"-1")", R"(Sgd: learning_rate = -1, must be >= 0)"},
      {R"(learning_rate":"0.001")", R"(learning_rate":"schedule")", R"(must be a number, for the optimizer has)"},
      {R"(nesterov":"0")", R"(nesterov":"2")", R"("option/0.Sgd.nesterov": is "2", must be 0 or 1)"},
      {R"(dampening":"0",)",
       R"(dampening":"0.5",)"
       R"("option/0.Sgd.more":"1",)",
       R"("option/0.Sgd.more": not an option of the optimizer)"},
      {R"("option/0.Sgd.dampening":"0",)", "", R"("option/0.Sgd.dampening": missing)"},
      {R"(rounding":"0")", R"(rounding":"2")", R"(optimizer: rounding = 2, must be in [0, 1])"},
      {R"(seed":"0")", R"(seed":"-1")", R"("option/optimizer.seed": is "-1", must be a whole number)"},
      // Not JSON.
      {"\"W\":", "\"\xff\":", R"("header": not valid JSON at its byte)"},
      {"\"W\":", R"("\ud800":)", R"("header": not valid JSON at its byte)"},
      {"\"W\":", "W:", R"("header": not valid JSON at its byte)"},
      {"[24, 40]", "[24, 1e999]", R"("header": not valid JSON at its byte)"},
      {"}}", "}}}", R"("header": not valid JSON at its byte)"},
      {"{\"__meta", std::string("\0{\"__meta", 8), R"("header": must begin with {)"},
      {"{\"__meta", "\xef\xbb\xbf{\"__meta", R"("header": must begin with {)"},
      {"{\"__meta", "[{\"__meta", R"("header": must begin with {)"},
  };
  const std::string good = good_file();
  Victim victim;
  for (const Row& row : rows) {
    CAPTURE(row.from, row.to);
    CHECK_THAT(victim.refusal(edited(good, row.from, row.to)), ContainsSubstring(row.message));
  }
}

TEST_CASE("a zero byte does not end the table early") {
  Victim victim;
  const std::string good = good_file();
  const std::string header = header_of(good);
  const std::string data = good.substr(8 + header.size());
  CHECK(victim.refusal(with_length(header + std::string(8, '\0'), data)) == "\"header\": holds a zero byte");
  CHECK(victim.refusal(with_length("", "")) == "\"header\": must begin with {");
  CHECK_THAT(victim.refusal(with_length("{}", "")), ContainsSubstring("\"format\": missing"));
}

TEST_CASE("the length of the table is believed only as far as there are bytes") {
  Victim victim;
  std::string bytes = good_file();
  for (const std::uint64_t length : {std::uint64_t{100'000'001}, std::uint64_t{1} << 40, ~std::uint64_t{0},
                                     ~std::uint64_t{7}, std::uint64_t{bytes.size()}, std::uint64_t{bytes.size() - 7}}) {
    std::memcpy(bytes.data(), &length, 8);
    CHECK(victim.refusal(bytes) ==
          "\"header\": length " + std::to_string(length) + ", must be <= " + std::to_string(bytes.size() - 8));
  }
}

TEST_CASE("deep nesting is refused at its fourth level") {
  Victim victim;
  for (const std::string open : {"[", "{\"a\":"}) {
    std::string deep = "{\"W\":{\"shape\":";
    for (int i = 0; i < 100'000; ++i) deep += open;
    CHECK_THAT(victim.refusal(with_length(deep, "")), Catch::Matchers::StartsWith("\"W\": shape "));
  }
}

TEST_CASE("a message stays short and printable") {
  Victim victim;
  const std::string name(100'000, '\x01');
  std::string escaped;
  for (std::size_t i = 0; i < name.size(); ++i) escaped += "\\u0001";
  const std::string message = victim.refusal(with_length("{\"" + escaped + "\":3}", ""));
  CHECK(message.size() < 1000);
  CHECK(message.find('\x01') == std::string::npos);
}

TEST_CASE("counts out of their range are refused") {
  Victim victim;
  const std::string good = good_file();
  const std::size_t data = 8 + header_of(good).size();
  const std::vector<std::string> owners{"state/W/counts", "optimizer/counts", "optimizer/calls"};
  for (std::size_t k = 0; k < owners.size(); ++k)
    for (const std::int64_t count :
         {std::int64_t{-2}, std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()}) {
      std::string bytes = good;
      std::memcpy(bytes.data() + data + 8 * k, &count, 8);
      CHECK(victim.refusal(bytes) == "\"" + owners[k] + "\": " + std::to_string(count) + ", must be in [" +
                                         (k == 0 ? "-1" : "0") + ", 9007199254740992]");
    }
  // -1 would say that W is at rest; then its arrays must not be there.
  std::string resting = good;
  const std::int64_t count = -1;
  std::memcpy(resting.data() + data, &count, 8);
  CHECK(victim.refusal(resting) == "\"state/W/momentum_buffer\": not part of the optimizer");
}

/// An option that decides how much state there is.
struct Hoard {
  static constexpr std::string_view name = "Hoard";
  [[maybe_unused]] static constexpr int passes = 1;
  std::int64_t rows = 1;
  static void options(auto& self, auto&& visit) { visit("rows", self.rows, range::at_least_one); }
  void fields(const Tensor&, auto add) const { add("hoard", static_cast<Index>(rows), Index{1}); }
  template <class T, class P>
  void update(const Step&, const MatrixUpdate<T, P>& m) const {
    std::copy(m.in, m.in + m.tensor.size(), m.out);
  }
};

TEST_CASE("an option that the constructor refuses is refused") {
  Victim victim;
  const std::string stochastic = edited(good_file(), R"(rounding":"0")", R"(rounding":"1")");
  CHECK(victim.refusal(stochastic) ==
        "OptimizerOptions: rounding = stochastic, must be nearest unless parameters are Eigen::bfloat16");
  victim.optimizer.step(victim.weights);

  Eigen::Matrix<Eigen::bfloat16, 2, 2> half_weights;
  half_weights.setOnes();
  const OptimizerOptions options{.rounding = Rounding::stochastic};
  Optimizer rounded{Sgd{}, options, named("W", half_weights)};
  AnyOptimizer<Eigen::bfloat16> other{Sgd{}, named("W", half_weights)};
  load_bytes(other, saved_bytes(rounded));
  CHECK(other.options().rounding == Rounding::stochastic);

  Eigen::MatrixXd W = Eigen::MatrixXd::Ones(2, 3);
  AnyOptimizer<double> any{AdamW{}, named("W", W)};
  const auto before = snapshot(any);
  const auto refused = [&](const std::string& from, const std::string& to) {
    const std::string bytes = edited(saved_bytes(any), from, to);
    CHECK_THROWS_AS(load_bytes(any, bytes), std::runtime_error);
    CHECK(snapshot(any) == before);
  };
  refused(R"(rounding":"0")", R"(rounding":"1")");
  refused(R"(rounding":"0")", R"(rounding":"-1")");
  refused(R"(beta1":"0.9")", R"(beta1":"1.5")");
  refused(R"(beta1":"0.9")", R"(beta1":"nan")");
  refused(R"(epsilon":"1e-08")", R"(epsilon":"-1")");
  refused(R"(learning_rate":"0.001")", R"(learning_rate":"inf")");
}

TEST_CASE("an option cannot ask for more state than the file has") {
  float x = 1;
  Optimizer optimizer{Hoard{}, named("x", x)};
  const std::string good = saved_bytes(optimizer);
  CHECK(message_of<std::runtime_error>([&] {
          load_bytes(optimizer, edited(good, "rows\":\"1\"", "rows\":\"1152921504606846976\""));
        }) == "run.safetensors: \"state/x/hoard\": shape [], expected [1152921504606846976]");
}

TEST_CASE("a schedule of the user is asked at the step of the file") {
  float x = 1;
  const Schedule falling = [](std::int64_t t) { return 1.0 - static_cast<double>(t); };
  Optimizer optimizer{Sgd{.learning_rate = falling}, named("x", x)};
  optimizer.step(x);
  std::string bytes = saved_bytes(optimizer);
  const std::int64_t five = 5;
  std::memcpy(bytes.data() + 8 + header_of(bytes).size(), &five, 8);  // optimizer/counts
  CHECK(message_of<std::runtime_error>([&] { load_bytes(optimizer, bytes); }) ==
        "run.safetensors: Sgd: learning_rate(5) = -4, must be >= 0 and finite");
}

TEST_CASE("reading that fails in the middle changes nothing") {
  /// Ends early, whatever it has promised.
  class Failing : public std::stringbuf {
   public:
    using std::stringbuf::stringbuf;
    std::streamsize allowed = 0;

   protected:
    std::streamsize xsgetn(char* to, std::streamsize count) override {
      if (count > allowed) return 0;
      allowed -= count;
      return std::stringbuf::xsgetn(to, count);
    }
  };
  Victim victim;
  const std::string good = good_file();
  const auto size = static_cast<std::streamsize>(good.size());
  for (std::streamsize allowed = 0; allowed < size + 16; ++allowed) {  // two counts are read twice
    Failing buffer(good, std::ios::in);
    buffer.allowed = allowed;
    std::istream in(&buffer);
    CHECK_THAT(message_of<std::runtime_error>([&] { detail::read_optimizer(victim.optimizer, in, "run.safetensors"); }),
               ContainsSubstring("cannot read"));
    CHECK(snapshot(victim.optimizer) == victim.before);
  }
}

}  // namespace
