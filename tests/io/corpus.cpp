#include "support/catch.hpp"

#include "fuzz/safetensors.hpp"
#include "io/support.hpp"

TEST_CASE("the fuzzer's first files are taken or refused as their names say") {
  const auto folder = std::filesystem::path(GLISSADE_TEST_DATA) / "fuzz" / "corpus" / "safetensors";
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    CAPTURE(name);
    const std::string bytes = io_tests::read_file(entry.path());
    CHECK(fuzz::load_any(bytes.data(), bytes.size()) == name.starts_with("valid"));
    ++files;
  }
  CHECK(files >= 12);
}
