// The laws of learners of examples: whatever features and labels are, what is paid stays below its bound; and a learner
// goes on from a file as if nothing had been.
#include "support/subjects/example_learners.hpp"

#include "support/catch.hpp"
#include "support/message_of.hpp"
#include <glissade/core/random.hpp>
#include <glissade/io/method_state.hpp>

#include <bit>
#include <filesystem>
#include <memory>

using namespace glissade;
using Eigen::VectorXd;
using example_tables::features;

namespace {

constexpr double infinite = std::numeric_limits<double>::infinity();
const VectorXd teacher = Eigen::Vector4d(1, -2, 0.5, 0);

VectorXd random_features(std::uint64_t stream, std::int64_t t) {
  const RandomKey key = RandomKey{stream}.derive(static_cast<std::uint64_t>(t));
  VectorXd a(features);
  for (Eigen::Index i = 0; i < features; ++i) a[i] = 2 * key.uniform(static_cast<std::uint64_t>(i)) - 1;
  return a / std::max(1.0, a.norm());
}
double noise(std::int64_t t) { return 2 * RandomKey{4}.uniform(static_cast<std::uint64_t>(t)) - 1; }

struct Stream {
  const char* name;
  std::function<VectorXd(std::int64_t t)> a;
  std::function<double(std::int64_t t, const VectorXd& a, double p)> y;  // made a sign where labels are signs
};
std::vector<Stream> all_streams() {
  const auto plain = [](std::int64_t t) { return random_features(1, t); };
  return {
      {"random labels", plain, [](std::int64_t t, const VectorXd&, double) { return noise(t); }},
      {"a teacher", plain, [](std::int64_t, const VectorXd& a, double) { return teacher.dot(a) / 3; }},
      {"a teacher with noise", plain,
       [](std::int64_t t, const VectorXd& a, double) { return (teacher.dot(a) + noise(t)) / 4; }},
      {"a teacher who changes his mind", plain,
       [](std::int64_t t, const VectorXd& a, double) { return teacher.dot(a) / (t % 400 < 200 ? 3 : -3); }},
      {"against the prediction", plain, [](std::int64_t, const VectorXd&, double p) { return p > 0 ? -1.0 : 1.0; }},
      {"one feature at a time, of all sizes, or none",
       [](std::int64_t t) {
         return VectorXd(VectorXd::Unit(features, t % 4) *
                         (static_cast<double>(t % 3) * std::pow(10, -static_cast<double>(t % 7)) / 2));
       },
       [](std::int64_t t, const VectorXd& a, double) { return noise(t) + teacher.dot(a) > 0 ? 1.0 : -1.0; }},
  };
}
double label_of(const Stream& stream, bool signs, std::int64_t t, const VectorXd& a, double p) {
  const double y = stream.y(t, a, p);
  return !signs ? y : y > 0 ? 1 : -1;
}
/// Any learner of examples, so that the laws are compiled once.
class AnyLearner {
 public:
  template <class L>
  explicit AnyLearner(L learner) : model_(std::make_unique<Model<L>>(std::move(learner))) {}
  AnyLearner(const AnyLearner& other) : model_(other.model_->copy()) {}
  AnyLearner& operator=(const AnyLearner&) = delete;
  ~AnyLearner() = default;

  [[nodiscard]] double predict(const VectorXd& a) const { return model_->predict(a); }
  void learn(const VectorXd& a, double y) { model_->learn(a, y); }
  void save_to(const std::filesystem::path& path) const { model_->save_to(path); }
  void load_from(const std::filesystem::path& path) { model_->load_from(path); }
  template <class L>
  [[nodiscard]] const L& as() const {
    return dynamic_cast<const Model<L>&>(*model_).learner;
  }

 private:
  struct Base {
    Base() = default;
    Base(const Base&) = default;
    Base& operator=(const Base&) = delete;
    virtual ~Base() = default;
    [[nodiscard]] virtual std::unique_ptr<Base> copy() const = 0;
    [[nodiscard]] virtual double predict(const VectorXd& a) const = 0;
    virtual void learn(const VectorXd& a, double y) = 0;
    virtual void save_to(const std::filesystem::path& path) const = 0;
    virtual void load_from(const std::filesystem::path& path) = 0;
  };
  template <ExampleLearner L>
  struct Model final : Base {
    explicit Model(L l) : learner(std::move(l)) {}
    [[nodiscard]] std::unique_ptr<Base> copy() const override { return std::make_unique<Model>(*this); }
    [[nodiscard]] double predict(const VectorXd& a) const override { return learner.predict(a); }
    void learn(const VectorXd& a, double y) override { learner.learn(a, y); }
    void save_to(const std::filesystem::path& path) const override { save(learner, path); }
    void load_from(const std::filesystem::path& path) override { load(learner, path); }
    L learner;
  };
  std::unique_ptr<Base> model_;
};
struct Case {
  ExampleSubject subject;
  std::function<AnyLearner()> make;
  std::function<double(const AnyLearner&, const VectorXd& u, const Examples&)> bound;
};
std::vector<Case> all_learners() {
  std::vector<Case> all;
  for_each_example_learner([&](const ExampleSubject& subject, const auto& make, const auto& bound) {
    all.push_back({subject, [make] { return AnyLearner(make()); },
                   [bound](const AnyLearner& learner, const VectorXd& u, const Examples& examples) {
                     return bound(learner.as<decltype(make())>(), u, examples);
                   }});
  });
  return all;
}
/// Teaches rounds [from, to) of a stream.
void teach(AnyLearner& learner, const Stream& stream, bool signs, std::int64_t from, std::int64_t to) {
  for (std::int64_t t = from; t < to; ++t) {
    const VectorXd a = stream.a(t);
    learner.learn(a, label_of(stream, signs, t, a, learner.predict(a)));
  }
}
/// What a learner says, bit for bit.
std::vector<std::uint64_t> answers(const AnyLearner& learner) {
  std::vector<std::uint64_t> bits;
  for (std::int64_t t = 0; t < 6; ++t)
    bits.push_back(std::bit_cast<std::uint64_t>(learner.predict(random_features(2, t))));
  return bits;
}

}  // namespace

TEST_CASE("laws: what a learner of examples pays is below its bound") {
  std::vector<VectorXd> comparators{VectorXd::Zero(features), teacher / 3, teacher, 4 * teacher, -teacher};
  for (Eigen::Index i = 0; i < features; ++i) comparators.emplace_back(2 * VectorXd::Unit(features, i));
  for (const auto& [subject, make, bound] : all_learners()) {
    for (const Stream& stream : all_streams()) {
      INFO(subject.name << ": " << stream.name);
      auto learner = make();
      Examples examples;
      double paid = 0, most = -1;
      for (std::int64_t t = 0; t < 600; ++t) {
        Example e{stream.a(t)};
        e.p = learner.predict(e.a);
        e.y = label_of(stream, subject.signs, t, e.a, e.p);
        paid += subject.pays(e.p, e.y);
        learner.learn(e.a, e.y);
        examples.push_back(e);
        if (t % 200 != 199) continue;
        for (const VectorXd& u : comparators) most = std::max(most, paid - bound(learner, u, examples));
      }
      CHECK(most <= 1e-9);
    }
  }
}

TEST_CASE("laws: features that are 0 teach nothing, others do") {
  for (const auto& [subject, make, bound] : all_learners()) {
    INFO(subject.name);
    auto learner = make();
    const Stream stream = all_streams()[2];
    const auto start = answers(learner);
    learner.learn(VectorXd::Zero(features), 1);
    CHECK(answers(learner) == start);
    teach(learner, stream, subject.signs, 0, 20);
    const auto before = answers(learner);
    CHECK(before != start);
    learner.learn(VectorXd::Zero(features), 1);
    if (!subject.rates_fall) CHECK(answers(learner) == before);
  }
}

TEST_CASE("laws: a learner of examples is a value, and goes on from a file bit for bit") {
  const auto path = std::filesystem::temp_directory_path() / "glissade_example_learner.safetensors";
  for (const auto& [subject, make, bound] : all_learners()) {
    INFO(subject.name);
    const Stream stream = all_streams()[2];
    auto learner = make();
    teach(learner, stream, subject.signs, 0, 37);
    auto copy = learner;
    auto loaded = make();
    learner.save_to(path);
    loaded.load_from(path);
    CHECK(answers(loaded) == answers(learner));
    teach(learner, stream, subject.signs, 37, 80);
    CHECK(answers(copy) != answers(learner));
    teach(copy, stream, subject.signs, 37, 80);
    teach(loaded, stream, subject.signs, 37, 80);
    CHECK(answers(copy) == answers(learner));
    CHECK(answers(loaded) == answers(learner));
  }
  std::filesystem::remove(path);
}

TEST_CASE(
    "laws: a learner of examples refuses what is not finite, of another size or no label, and nothing has moved") {
  for (const auto& [subject, make, bound] : all_learners()) {
    INFO(subject.name);
    const Stream stream = all_streams()[2];
    auto learner = make(), spared = make();
    for (std::int64_t t = 0; t < 10; ++t) {
      for (const double bad : {std::nan(""), infinite}) {
        VectorXd a = stream.a(t);
        CHECK(message_of([&] { learner.learn(a, bad); }).find("label = " + to_text(bad)) != std::string::npos);
        a[2] = bad;
        CHECK(message_of([&] { learner.learn(a, 1); }).find("features[2] = " + to_text(bad)) != std::string::npos);
        CHECK(message_of([&] { (void)learner.predict(a); }).find("features[2]") != std::string::npos);
      }
      if (subject.signs)
        CHECK(message_of([&] { learner.learn(stream.a(t), 0.5); }).find("label = 0.5, must be -1 or 1") !=
              std::string::npos);
      const VectorXd longer = VectorXd::Zero(features + 1);
      CHECK(message_of([&] { learner.learn(longer, 1); }).find("must have 4") != std::string::npos);
      teach(learner, stream, subject.signs, t, t + 1);
      teach(spared, stream, subject.signs, t, t + 1);
      CHECK(answers(learner) == answers(spared));
    }
  }
}
