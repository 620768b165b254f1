// A step reads and writes nothing in front of or behind its arrays: on either side lies a page that nobody may touch.
#include "support/catch.hpp"
#include <glissade/optimizer/optimizer.hpp>
#include <glissade/rules/adam.hpp>
#include <glissade/transforms/clip_by_global_norm.hpp>

#if defined(__linux__)
#include <sys/mman.h>

#include <cstddef>
#include <span>
#include <unistd.h>

using namespace glissade;

namespace {

/// `size` numbers that begin or end where memory does; the program dies where it leaves them.
template <class T>
class Guarded {
 public:
  Guarded(Index size, bool at_end) {
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    const std::size_t bytes = static_cast<std::size_t>(size) * sizeof(T);
    const std::size_t inside = (bytes + page - 1) / page * page;
    bytes_ = inside + 2 * page;
    void* const all = mmap(nullptr, bytes_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    REQUIRE(all != MAP_FAILED);
    begin_ = static_cast<std::byte*>(all);
    REQUIRE(mprotect(begin_ + page, inside, PROT_READ | PROT_WRITE) == 0);
    data_ = reinterpret_cast<T*>(begin_ + page + (at_end ? inside - bytes : 0));
    size_ = size;
  }
  Guarded(const Guarded&) = delete;
  Guarded& operator=(const Guarded&) = delete;
  ~Guarded() { munmap(begin_, bytes_); }
  [[nodiscard]] std::span<T> numbers() const { return {data_, static_cast<std::size_t>(size_)}; }

 private:
  std::byte* begin_ = nullptr;
  std::size_t bytes_ = 0;
  T* data_ = nullptr;
  Index size_ = 0;
};

template <class T>
void check() {
  for (const bool at_end : {false, true})
    for (Index size = 1; size <= 67; ++size) {
      const Guarded<T> x(size, at_end), g(size, at_end);
      for (T& number : x.numbers()) number = T(1);
      for (T& number : g.numbers()) number = T(2);
      Optimizer optimizer{chain(ClipByGlobalNorm{.max_norm = 1e3}, Adam{.learning_rate = 0.5}), x.numbers()};
      for (int t = 0; t < 2; ++t) optimizer.step(std::span<const T>(g.numbers()));
      for (const T number : x.numbers()) CHECK(static_cast<double>(number) == Approx(0).margin(0.01));
    }
}

}  // namespace

TEST_CASE("a step leaves the memory around its arrays alone") {
  check<double>();
  check<float>();
  check<Eigen::bfloat16>();
  check<Eigen::half>();
}
#endif
