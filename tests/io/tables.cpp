#include "support/catch.hpp"
#include "support/message_of.hpp"
#include <glissade/io/csv.hpp>
#include <glissade/io/libsvm.hpp>
#include <glissade/problems/linear_model.hpp>

#include <filesystem>
#include <fstream>

using namespace glissade;

namespace {

/// A file of its own that is gone at the end.
struct TextFile {
  std::filesystem::path path;
  TextFile(const std::string& name, const std::string& text) : path(std::filesystem::temp_directory_path() / name) {
    std::ofstream(path, std::ios::binary) << text;
  }
  TextFile(const TextFile&) = delete;
  TextFile& operator=(const TextFile&) = delete;
  ~TextFile() { std::filesystem::remove(path); }
};

std::string csv_error(const std::string& text, const CsvOptions& options = {}) {
  const TextFile file("glissade_test.csv", text);
  std::string message = message_of<std::runtime_error>([&] { read_csv(file.path, options); });
  const std::string head = file.path.string() + ":";
  return message.rfind(head, 0) == 0 ? message.substr(head.size()) : message;
}
std::string libsvm_error(const std::string& text, const LibsvmOptions& options = {}) {
  const TextFile file("glissade_test.libsvm", text);
  std::string message = message_of<std::runtime_error>([&] { read_libsvm(file.path, options); });
  const std::string head = file.path.string() + ":";
  return message.rfind(head, 0) == 0 ? message.substr(head.size()) : message;
}

}  // namespace

TEST_CASE("CSV: header, blanks, quotes, line ends") {
  const TextFile file("glissade_test.csv", "\xEF\xBB\xBF\"a\", b ,y\r\n1, -2.5e-1 ,+3\r\n\r\n\"4\",5,6");
  const TableData data = read_csv(file.path);
  CHECK(data.names == std::vector<std::string>{"a", "b"});
  CHECK(data.features == (Eigen::MatrixXd(2, 2) << 1, -0.25, 4, 5).finished());
  CHECK(data.targets == Eigen::Vector2d(3, 6));
  const TableData first = read_csv(file.path, {.target = 0});
  CHECK(first.targets == Eigen::Vector2d(1, 4));
  CHECK(first.features == (Eigen::MatrixXd(2, 2) << -0.25, 3, 5, 6).finished());
  CHECK(first.names == std::vector<std::string>{"b", "y"});
}

TEST_CASE("CSV: without a header") {
  const TextFile file("glissade_test.csv", "1;2\n3;4\n");
  const TableData data = read_csv(file.path, {.separator = ';'});
  CHECK(data.names.empty());
  CHECK(data.features.col(0) == Eigen::Vector2d(1, 3));
  CHECK(read_csv(file.path, {.separator = ';', .header = CsvOptions::Header::yes}).features.rows() == 1);
}

TEST_CASE("CSV: bad files") {
  CHECK(csv_error("a,b\n1,2\n1,2,3\n") == "3: 3 fields, the first line has 2");
  CHECK(csv_error("1,2\n1\n") == "2: 1 fields, the first line has 2");
  // One bad field does not make a line of data a header.
  CHECK(csv_error("1,x\n1,2\n") == "1: field 2 is \"x\", not a finite number");
  CHECK(csv_error("nan,x\n1,2\n") == "1: field 1 is \"nan\", not a finite number");
  CHECK(csv_error("-1e999,x\n1,2\n") == "1: field 1 is \"-1e999\", not a finite number");
  CHECK(csv_error("1,2\n1,x\n") == "2: field 2 is \"x\", not a finite number");
  CHECK(csv_error("1,2\n1,\n") == "2: field 2 is \"\", not a finite number");
  CHECK(csv_error("1,2\n1,nan\n") == "2: field 2 is \"nan\", not a finite number");
  CHECK(csv_error("1,2\n1,1e999\n") == "2: field 2 is \"1e999\", not a finite number");
  CHECK(csv_error("1,2\n1,2 3\n") == "2: field 2 is \"2 3\", not a finite number");
  CHECK(csv_error("1,2\n1,+-3\n") == "2: field 2 is \"+-3\", not a finite number");
  CHECK(csv_error(std::string("1,2\n1,") + std::string(1, '\0') + "\n") == "2: field 2 is \"?\", not a finite number");
  CHECK(csv_error("a,b\n", {.header = CsvOptions::Header::no}) == "1: field 1 is \"a\", not a finite number");
  CHECK(csv_error("a,b\n") == " no rows of numbers");
  CHECK(csv_error("") == " no rows of numbers");
  CHECK_THAT(message_of<std::runtime_error>([] { read_csv("/nowhere/at/all.csv"); }),
             Catch::Matchers::ContainsSubstring("cannot be opened"));
  const TextFile file("glissade_test.csv", "1,2\n");
  CHECK(message_of([&] { read_csv(file.path, {.target = 2}); }) == "read_csv: target = 2, the table has 2 columns");
  CHECK(message_of([&] { read_csv(file.path, {.target = -3}); }) == "read_csv: target = -3, the table has 2 columns");
}

TEST_CASE("LIBSVM: sparse lines become a dense table") {
  const TextFile file("glissade_test.libsvm", "+1 1:0.5 3:-2 # a comment\n\n-1 \t2:1e1\r\n+1\n");
  const TableData data = read_libsvm(file.path);
  CHECK(data.targets == Eigen::Vector3d(1, -1, 1));
  CHECK(data.features == (Eigen::MatrixXd(3, 3) << 0.5, 0, -2, 0, 10, 0, 0, 0, 0).finished());
  CHECK(read_libsvm(file.path, {.features = 7}).features.cols() == 7);
}

TEST_CASE("LIBSVM: bad files") {
  CHECK(libsvm_error("1 1:2\nx 1:2\n") == "2: the target is \"x\", not a finite number");
  CHECK(libsvm_error("1 1:2 1:3\n") == "1: index 1 after 1, must increase from 1");
  CHECK(libsvm_error("1 0:2\n") == "1: index 0 after 0, must increase from 1");
  CHECK(libsvm_error("1 5:2 4:3\n") == "1: index 4 after 5, must increase from 1");
  CHECK(libsvm_error("1 a:2\n") == "1: \"a:2\" is not index:value");
  CHECK(libsvm_error("1 2\n") == "1: \"2\" is not index:value");
  CHECK(libsvm_error("1 99999999999999999999:2\n") == "1: \"99999999999999999999:2\" is not index:value");
  CHECK(libsvm_error("1 2:inf\n") == "1: the value of index 2 is \"inf\", not a finite number");
  CHECK(libsvm_error("1 2:\n") == "1: the value of index 2 is \"\", not a finite number");
  CHECK(libsvm_error("1 9:1\n", {.features = 8}) == "1: index 9, must be at most 8");
  CHECK(libsvm_error("1 4611686018427387904:1\n") ==
        " 1 x 4611686018427387904 numbers, at most 1073741824 are allowed");
  CHECK(libsvm_error("# nothing\n") == " no rows");
}

TEST_CASE("the breast cancer data are a problem") {
  TableData data = read_csv(std::filesystem::path(GLISSADE_TEST_DATA) / "../examples/data/breast_cancer.csv");
  REQUIRE(data.features.rows() == 569);
  REQUIRE(data.features.cols() == 30);
  CHECK(data.names.front() == "mean_radius");
  CHECK(data.targets.sum() == 357);  // benign
  standardize(data.features);
  CHECK(data.features.colwise().mean().cwiseAbs().maxCoeff() < 1e-12);
  CHECK(data.features.col(7).squaredNorm() == Approx(569).epsilon(1e-12));
  const problems::LogisticRegression problem(data.features, signs_of(data.targets), 1e-2);
  CHECK(problem.value(problem.start()) == Approx(std::log(2.0)).epsilon(1e-14));
}

TEST_CASE("signs of targets") {
  CHECK(signs_of(Eigen::Vector3d(2, 1, 2)) == Eigen::Vector3d(1, -1, 1));
  CHECK(message_of([] { signs_of(Eigen::Vector3d(0, 1, 2)); }) == "signs_of: the targets have more than two values");
  CHECK(message_of([] { signs_of(Eigen::Vector3d(1, 1, 1)); }) == "signs_of: the targets have one value only");
}
