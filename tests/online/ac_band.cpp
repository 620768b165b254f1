// AcBand: races of settings.
#include "support/catch.hpp"
#include "support/message_of.hpp"
#include <glissade/core/random.hpp>
#include <glissade/io/method_state.hpp>
#include <glissade/online/ac_band.hpp>

#include <filesystem>
#include <limits>
#include <vector>

using namespace glissade;

namespace {

/// Setting i takes quality(i) in the mean; the one of a race that takes least wins.
double quality(std::int64_t id) { return RandomKey{21}.uniform(static_cast<std::uint64_t>(id)); }
Index winner(const AcBand& band, double noise) {
  Index best = 0;
  double least = std::numeric_limits<double>::infinity();
  const std::vector<std::int64_t> racers = band.racers();
  for (std::size_t i = 0; i < racers.size(); ++i) {
    const double time = quality(racers[i]) + noise * RandomKey{22}
                                                         .derive(static_cast<std::uint64_t>(band.races()))
                                                         .normal(static_cast<std::uint64_t>(racers[i]));
    if (time < least) {
      least = time;
      best = static_cast<Index>(i);
    }
  }
  return best;
}

}  // namespace

TEST_CASE("AcBand: how many settings it needs, and that all of them race") {
  // ln 0.05 / ln 0.95 = 58.4.
  CHECK(AcBandOptions{.alpha = 0.05, .delta = 0.05}.settings() == 59);
  CHECK(AcBandOptions{.alpha = 0.01, .delta = 0.01}.settings() == 459);
  AcBand band({.alpha = 0.05, .delta = 0.05, .group = 4, .instances = 3});
  std::vector<int> seen(200);
  while (!band.done()) {
    const auto racers = band.racers();
    CHECK(racers.size() >= 2);
    CHECK(racers.size() <= 4);
    for (const std::int64_t id : racers) ++seen[static_cast<std::size_t>(id)];
    band.learn(0);
  }
  // 0 at first, then ceil(60 / 2^e) new ones in epoch e = 1, ..., 6.
  const std::int64_t drawn = 1 + 30 + 15 + 8 + 4 + 2 + 1;
  CHECK(band.drawn() == drawn);
  for (std::int64_t id = 0; id < 200; ++id) CHECK((seen[static_cast<std::size_t>(id)] > 0) == (id < drawn));
  CHECK(band.epoch() == 7);
}

TEST_CASE("AcBand: without noise it finds the best of all, with noise one of the best") {
  AcBand band({.group = 5, .instances = 1});
  while (!band.done()) band.learn(winner(band, 0));
  std::int64_t best = 0;
  for (std::int64_t id = 1; id < band.drawn(); ++id)
    if (quality(id) < quality(best)) best = id;
  CHECK(band.best() == best);

  AcBand noisy({.group = 5, .instances = 40});
  while (!noisy.done()) noisy.learn(winner(noisy, 0.2));
  CHECK(quality(noisy.best()) < 0.1);
}

TEST_CASE("AcBand: who stays after a race") {
  // The first epoch keeps one of four: floor(4 * 1 / (1 + 3)); 0 and 1, 2, 3 of 31 settings.
  AcBand band({.alpha = 0.05, .delta = 0.05, .group = 4, .instances = 3});
  CHECK(band.racers() == std::vector<std::int64_t>{0, 1, 2, 3});
  CHECK(band.best() == 0);
  band.learn(2);
  band.learn(1);
  CHECK(band.racers() == std::vector<std::int64_t>{0, 1, 2, 3});
  band.learn(2);
  CHECK(band.racers() == std::vector<std::int64_t>{4, 5, 6, 7});
  for (int group = 1; group < 7; ++group)
    for (int i = 0; i < 3; ++i) band.learn(0);
  // Three are left over of 31 and pass; 2, 4, 8, 12 race now.
  CHECK(band.racers() == std::vector<std::int64_t>{2, 4, 8, 12});
  for (int group = 0; group < 2; ++group)
    for (int i = 0; i < 3; ++i) band.learn(3);  // of 2, 4, 8, 12 and of 16, 20, 24, 28
  // 12, 28 and those left over, 29 and 30, are four.
  CHECK(band.racers() == std::vector<std::int64_t>{12, 28, 29, 30});
  for (int i = 0; i < 3; ++i) band.learn(1);
  CHECK(band.best() == 28);
  CHECK(band.epoch() == 2);
  CHECK(band.racers() == std::vector<std::int64_t>{28, 31, 32, 33});

  // Two of eight stay in the third epoch, floor(8 * 3 / (3 + 7)), where nine settings race.
  AcBand large({.group = 8, .instances = 3});
  while (large.epoch() < 3) large.learn(0);
  const std::vector<std::int64_t> racers = large.racers();
  CHECK(racers == std::vector<std::int64_t>{0, 46, 47, 48, 49, 50, 51, 52});
  large.learn(5);
  large.learn(1);
  large.learn(5);
  CHECK(large.racers() == std::vector<std::int64_t>{46, 50, 53});
}

TEST_CASE("AcBand: goes on from a file, and refuses what cannot be used") {
  const auto path = std::filesystem::temp_directory_path() / "glissade_ac_band.safetensors";
  AcBand band({.group = 6, .instances = 5}), loaded({.group = 6, .instances = 5});
  for (int t = 0; t < 43; ++t) band.learn(winner(band, 0.3));
  AcBand copy = band;
  save(band, path);
  load(loaded, path);
  std::filesystem::remove(path);
  bool same = true;
  while (!band.done()) {
    const Index first = winner(band, 0.3);
    for (AcBand* each : {&band, &copy, &loaded}) each->learn(first);
    same = same && copy.racers() == band.racers() && loaded.racers() == band.racers() && loaded.best() == band.best();
  }
  CHECK(same);
  CHECK(loaded.done());
  CHECK(band.racers().empty());
  CHECK(message_of([&] { band.learn(0); }) == "AcBand: winner = 0, must be left out: all races are done");
  CHECK(message_of([&] {
          copy = AcBand({.group = 3});
          copy.learn(3);
        }) == "AcBand: winner = 3, must be in [0, 2]");
  CHECK(message_of([] { AcBand b({.group = 1}); }).find("AcBand: group = 1, must be in [2, ") == 0);
  CHECK(message_of([] { AcBand b({.alpha = 0}); }) == "AcBand: alpha = 0, must be in (0, 1)");
  CHECK(message_of([] { AcBand b({.alpha = 1e-15}); }).find("AcBand: alpha = 1e-15, must be ") == 0);
}
