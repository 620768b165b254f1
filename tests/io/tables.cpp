#include "support/catch.hpp"
#include "support/message_of.hpp"
#include <glissade/io/csv.hpp>
#include <glissade/io/libsvm_sparse.hpp>
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

/// A message without the name of the file and the colon after it.
std::string without_name(const TextFile& file, const std::string& message) {
  const std::string head = file.path.string() + ":";
  return message.rfind(head, 0) == 0 ? message.substr(head.size()) : message;
}
std::string csv_error(const std::string& text, const CsvOptions& options = {}) {
  const TextFile file("glissade_test.csv", text);
  return without_name(file, message_of<std::runtime_error>([&] { read_csv(file.path, options); }));
}
/// Of a column that the table does not have.
std::string csv_refusal(const TextFile& file, const CsvOptions& options) {
  return without_name(file, message_of([&] { read_csv(file.path, options); }));
}
std::string libsvm_error(const std::string& text, const LibsvmOptions& options = {}) {
  const TextFile file("glissade_test.libsvm", text);
  return without_name(file, message_of<std::runtime_error>([&] { read_libsvm(file.path, options); }));
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

TEST_CASE("CSV: quotes keep separators, line ends and quotes") {
  const TextFile file("glissade_test.csv",
                      "\"size, in m\",\"a \"\"b\"\"\",\"two\r\nlines\"\r\n1,\"2\" ,3\r\n4, \" 5\",\"6\"\r\n");
  const TableData data = read_csv(file.path);
  CHECK(data.names == std::vector<std::string>{"size, in m", "a \"b\""});
  CHECK(data.features == (Eigen::MatrixXd(2, 2) << 1, 2, 4, 5).finished());
  CHECK(data.targets == Eigen::Vector2d(3, 6));
  CHECK(read_csv(file.path, {.target = "two\nlines"}).targets == data.targets);
  const TextFile other("glissade_other.csv", "'x;y';z\n'1';2\n");
  CHECK(read_csv(other.path, {.separator = ';', .quote = '\''}).names == std::vector<std::string>{"x;y"});
  CHECK(csv_error("\"a,b\",c\n1,2\n1,2,3\n") == "3:5: 3 fields, the first line has 2");
  CHECK(csv_error("1,2\n3,\"4\n5,6\n") == "2:3: field 2 is \"4?5,6\", its quotes are not closed");
  CHECK(csv_error("1,2\n\"3\"x,4\n") == "2:4: field 1 is \"3\", there is more after its quotes");
  CHECK(csv_error("\"a\nb\",c\n1,2\n\"1\",\"x\ny\"\n") == "4:5: field 2 is \"x?y\", not a finite number");
}

TEST_CASE("CSV: a first line of missing values is no header") {
  CHECK(csv_error("NA,NA\n1,2\n") == "1:1: field 1 is \"NA\", not a finite number");
  CHECK(csv_error("?,?\n1,2\n") == "1:1: field 1 is \"?\", not a finite number");
  CHECK(csv_error(",\n1,2\n") == "1:1: field 1 is \"\", not a finite number");
  CHECK(csv_error("null,None\n1,2\n") == "1:1: field 1 is \"null\", not a finite number");
  CHECK(csv_error("--,*\n1,2\n") == "1:1: field 1 is \"--\", not a finite number");
  CHECK(csv_error("NA,red\n1,2\n") == "1:1: field 1 is \"NA\", not a finite number");
  const TextFile file("glissade_test.csv", ",RI,Na,na,class\n0,1.5,13,0,1\n");
  CHECK(read_csv(file.path).names == std::vector<std::string>{"", "RI", "Na", "na"});
  const TextFile numbered("glissade_other.csv", "NA,2020\n1,2\n");
  CHECK(read_csv(numbered.path, {.header = CsvOptions::Header::yes}).names == std::vector<std::string>{"NA"});
}

TEST_CASE("CSV: missing values are refused, kept as NaN, or leave out their rows") {
  const std::string text = "a,b,y\n1,,3\n4,NA,6\n7,8,9\n10,\"?\",\"\"\n";
  using Missing = CsvOptions::Missing;
  CHECK(csv_error(text) == "2:3: field 2 is \"\", not a finite number");
  const TextFile file("glissade_test.csv", text);
  const TableData kept = read_csv(file.path, {.missing = Missing::not_a_number});
  REQUIRE(kept.features.rows() == 4);
  CHECK(kept.features.col(0) == Eigen::Vector4d(1, 4, 7, 10));
  CHECK(kept.features.col(1).array().isNaN().count() == 3);
  CHECK(kept.features(2, 1) == 8);
  CHECK(kept.targets.head(3) == Eigen::Vector3d(3, 6, 9));
  CHECK(std::isnan(kept.targets[3]));
  const TableData whole = read_csv(file.path, {.missing = Missing::leave_out_row});
  CHECK(whole.features == Eigen::RowVector2d(7, 8));
  CHECK(whole.targets == Eigen::Matrix<double, 1, 1>(9));
  // Where the column is not read nothing is missing.
  const TableData some = read_csv(file.path, {.features = {0}, .missing = Missing::leave_out_row});
  CHECK(some.targets == Eigen::Vector3d(3, 6, 9));
  CHECK(csv_error(text, {.missing = Missing::not_a_number, .missing_texts = {"", "?"}}) ==
        "3:3: field 2 is \"NA\", not a finite number");
  CHECK(csv_error("1,2\n3,a\x7F~\n") == "2:3: field 2 is \"a?~\", not a finite number");
  CHECK(csv_error("1,NA\n", {.missing = Missing::leave_out_row}) == " no rows of numbers");
  CHECK(csv_error("1,2\n1\n", {.missing = Missing::not_a_number}) == "2:2: 1 fields, the first line has 2");
  // Rows of tabs are not blank lines.
  const TextFile tabs("glissade_other.csv", "1\t2\n\t\n\n5\t\n");
  CHECK(read_csv(tabs.path, {.separator = '\t', .missing = Missing::not_a_number}).features.rows() == 3);
  CHECK(csv_error("1\t2\n\t\n", {.separator = '\t'}) == "2:1: field 1 is \"\", not a finite number");
}

TEST_CASE("CSV: columns are chosen by number or name, the others may hold anything") {
  const TextFile numbers_only("glissade_numbers.csv", "1,2,3\n4,5,6\n");
  const TextFile file("glissade_test.csv", "date,x,y,z,note\n2020-01-01,1,2,3,\"a, b\"\nx,4,5,6,\n");
  const TableData data = read_csv(file.path, {.target = "y", .features = {"z", 1}});
  CHECK(data.names == std::vector<std::string>{"z", "x"});
  CHECK(data.features == (Eigen::MatrixXd(2, 2) << 3, 1, 6, 4).finished());
  CHECK(data.targets == Eigen::Vector2d(2, 5));
  CHECK(read_csv(file.path, {.target = 3, .features = {"x", "y"}}).features ==
        (Eigen::MatrixXd(2, 2) << 1, 2, 4, 5).finished());
  CHECK(read_csv(file.path, {.target = 3, .features = {2, 1}}).features ==
        (Eigen::MatrixXd(2, 2) << 2, 1, 5, 4).finished());
  CHECK(read_csv(numbers_only.path, {.target = -3}).targets == Eigen::Vector2d(1, 4));
  CHECK(read_csv(file.path, {.target = -2, .features = {-4}}).features == Eigen::Vector2d(1, 4));
  CHECK_THAT(csv_refusal(file, {.target = "dat", .features = {1}}),
             Catch::Matchers::StartsWith("1:1: read_csv: target = \"dat\", the nearest names are \"date\""));
  CHECK(csv_refusal(file, {.target = 1, .features = {5}}) == "2:24: read_csv: features = 5, the table has 5 columns");
  CHECK(csv_refusal(file, {.target = 1, .features = {-6}}) == "2:24: read_csv: features = -6, the table has 5 columns");
  const TextFile twice("glissade_other.csv", "a,a,b\n1,2,3\n");
  CHECK(csv_refusal(twice, {.target = "a"}) == "1:3: read_csv: target = \"a\", two columns have that name");
  const TextFile numbers("glissade_other.csv", "1,2\n");
  CHECK(csv_refusal(numbers, {.target = "a"}) == "1:1: read_csv: target = \"a\", the table has no names of columns");
  for (const char bad : std::string("0189+-.eE\n\r")) {
    CHECK_THROWS_AS(read_csv(numbers.path, {.separator = bad}), std::invalid_argument);
    CHECK_THROWS_AS(read_csv(numbers.path, {.quote = bad}), std::invalid_argument);
  }
  CHECK(message_of([&] { read_csv(numbers.path, {.separator = '"'}); }) ==
        "read_csv: separator = quote = \"\"\", must be different");
}

TEST_CASE("CSV: a header of another length than the rows") {
  // As scikit-learn has its wine and breast cancer data: rows, columns, names of the classes.
  const std::string text = "3,2,class_0,class_1\n14.2,1.7,0\n13.2,1.8,0\n13.1,2.4,1\n";
  using Header = CsvOptions::Header;
  const TextFile file("glissade_test.csv", text);
  const TableData data = read_csv(file.path, {.header = Header::yes});
  CHECK(data.names.empty());
  CHECK(data.features == (Eigen::MatrixXd(3, 2) << 14.2, 1.7, 13.2, 1.8, 13.1, 2.4).finished());
  CHECK(data.targets == Eigen::Vector3d(0, 0, 1));
  CHECK(csv_error(text) == "1:5: field 3 is \"class_0\", not a finite number");
  CHECK(csv_error("3,2,a,b\n1,2,3\n1,2\n", {.header = Header::yes}) == "3:4: 2 fields, line 2 has 3");
  CHECK(csv_error("a,b\n1,2,3\n") == "2:5: 3 fields, the first line has 2");
  const TextFile shorter("glissade_other.csv", "a\n1,2\n");
  CHECK(read_csv(shorter.path, {.header = Header::yes}).targets[0] == 2);
  CHECK(csv_refusal(shorter, {.header = Header::yes, .target = "a"}) ==
        "2:1: read_csv: target = \"a\", the table has no names of columns");
}

TEST_CASE("tables: what is too small for a double is 0, what is too large is refused") {
  const std::string zeros(400, '0');
  for (const std::string& text :
       {std::string("1e-400"), std::string("+1e-400"), std::string("1E-5000"), std::string("9.9e-99999999999999999999"),
        "0." + zeros + "1", std::string("0e-400"), std::string("1e-325")}) {
    CAPTURE(text);
    const TextFile csv("glissade_test.csv", text + ",1\n-" + (text[0] == '+' ? text.substr(1) : text) + ",2\n");
    const TableData data = read_csv(csv.path);
    CHECK(data.features == Eigen::Vector2d(0, 0));
    CHECK(std::signbit(data.features(1, 0)));
    const TextFile libsvm("glissade_other.libsvm", text + " 1:" + text + "\n");
    CHECK(read_libsvm(libsvm.path).features(0, 0) == 0);
  }
  const TextFile smallest("glissade_test.csv", "4.9e-324,1" + zeros + "e-400\n");
  CHECK(read_csv(smallest.path).features(0, 0) == std::numeric_limits<double>::denorm_min());
  CHECK(read_csv(smallest.path).targets[0] == 1);
  for (const std::string& text : {std::string("1e400"), std::string("-1e400"), std::string("1e99999999999999999999"),
                                  "1" + zeros, "0.001e" + std::string("400"), std::string("inf"), std::string("-nan"),
                                  std::string("1e-400x"), std::string("e-400"), std::string("1e-")}) {
    CAPTURE(text);
    CHECK(csv_error("1,2\n" + text + ",2\n").find("2:1: field 1 is \"" + text.substr(0, 40)) == 0);
    CHECK(libsvm_error("1 1:" + text + "\n").find("1:5: the value of index 1 is \"" + text.substr(0, 40)) == 0);
  }
}

TEST_CASE("CSV: bad files") {
  CHECK(csv_error("a,b\n1,2\n1,2,3\n") == "3:5: 3 fields, the first line has 2");
  CHECK(csv_error("1,2\n1\n") == "2:2: 1 fields, the first line has 2");
  // One bad field does not make a line of data a header.
  CHECK(csv_error("1,x\n1,2\n") == "1:3: field 2 is \"x\", not a finite number");
  CHECK(csv_error("nan,x\n1,2\n") == "1:1: field 1 is \"nan\", not a finite number");
  CHECK(csv_error("-1e999,x\n1,2\n") == "1:1: field 1 is \"-1e999\", not a finite number");
  CHECK(csv_error("1,2\n1,x\n") == "2:3: field 2 is \"x\", not a finite number");
  CHECK(csv_error("1,2\n1,\n") == "2:3: field 2 is \"\", not a finite number");
  CHECK(csv_error("1,2\n1,nan\n") == "2:3: field 2 is \"nan\", not a finite number");
  CHECK(csv_error("1,2\n1,1e999\n") == "2:3: field 2 is \"1e999\", not a finite number");
  CHECK(csv_error("1,2\n1,2 3\n") == "2:3: field 2 is \"2 3\", not a finite number");
  CHECK(csv_error("1,2\n1,+-3\n") == "2:3: field 2 is \"+-3\", not a finite number");
  CHECK(csv_error(std::string("1,2\n1,") + std::string(1, '\0') + "\n") ==
        "2:3: field 2 is \"?\", not a finite number");
  CHECK(csv_error("a,b\n", {.header = CsvOptions::Header::no}) == "1:1: field 1 is \"a\", not a finite number");
  CHECK(csv_error("a,b\n") == " no rows of numbers");
  CHECK(csv_error("") == " no rows of numbers");
  CHECK_THAT(message_of<std::runtime_error>([] { read_csv("/nowhere/at/all.csv"); }),
             Catch::Matchers::ContainsSubstring("cannot be opened"));
  const TextFile file("glissade_test.csv", "1,2\n");
  CHECK(csv_refusal(file, {.target = 2}) == "1:4: read_csv: target = 2, the table has 2 columns");
  CHECK(csv_refusal(file, {.target = -3}) == "1:4: read_csv: target = -3, the table has 2 columns");
}

TEST_CASE("tables: a refusal names the byte where what is wrong begins") {
  // Blanks, quotes and what stands in lines before, comments and a byte order mark among them, count as they should.
  CHECK(csv_error("1,2\n 3 ,\t x\n") == "2:7: field 2 is \"x\", not a finite number");
  CHECK(csv_error("1,2\n3,\"x\"\n") == "2:3: field 2 is \"x\", not a finite number");
  CHECK(csv_error("\xEF\xBB\xBF"
                  "1,x\n") == "1:3: field 2 is \"x\", not a finite number");
  CHECK(csv_error("1,2\r\n\r\n3\r\n") == "3:2: 1 fields, the first line has 2");
  CHECK(csv_error("1,2\n3,\"4\",\n") == "2:7: 3 fields, the first line has 2");
  CHECK(csv_error("a,b,c\n\"1\n2\",3\n") == "3:5: 2 fields, the first line has 3");
  CHECK(csv_error("1,2\n\"3\n4\"  x,4\n") == "3:5: field 1 is \"3?4\", there is more after its quotes");
  CHECK(libsvm_error("1 1:2\n\n  7x 1:2\n") == "3:3: the target is \"7x\", not a finite number");
  CHECK(libsvm_error("# 1\n1 \t 2:3  4:x # 5:x\n") == "2:12: the value of index 4 is \"x\", not a finite number");
  CHECK(libsvm_error("\xEF\xBB\xBF"
                     "1 1:2\t1:2\r\n") == "1:7: index 1 after 1, must increase from 1");
  CHECK(libsvm_error("1 9:1\n2 1:3 9:4\n", {.most = 5}) == "1:3: 2 x 9 numbers, at most 5 are allowed");
  CHECK(libsvm_error("1 2:1\n2 1:3 9:4\n", {.most = 5}) == "2:7: 2 x 9 numbers, at most 5 are allowed");
  CHECK(libsvm_error("1 2:1\n", {.features = 9, .most = 5}) == " 1 x 9 numbers, at most 5 are allowed");
}

TEST_CASE("LIBSVM: sparse lines become a dense table") {
  const TextFile file("glissade_test.libsvm", "+1 1:0.5 3:-2 # a comment\n\n-1 \t2:1e1\r\n+1\n");
  const TableData data = read_libsvm(file.path);
  CHECK(data.targets == Eigen::Vector3d(1, -1, 1));
  CHECK(data.features == (Eigen::MatrixXd(3, 3) << 0.5, 0, -2, 0, 10, 0, 0, 0, 0).finished());
  CHECK(read_libsvm(file.path, {.features = 7}).features.cols() == 7);
}

TEST_CASE("LIBSVM: a byte order mark is skipped, options out of range are refused") {
  const TextFile file("glissade_test.libsvm", "\xEF\xBB\xBF+1 1:0.5\n-1 2:3\n");
  CHECK(read_libsvm(file.path).targets == Eigen::Vector2d(1, -1));
  CHECK(message_of([&] { read_libsvm(file.path, {.features = -3}); }) ==
        "read_libsvm: features = -3, must be >= 0 and finite");
  CHECK(message_of([&] { read_libsvm(file.path, {.most = 0}); }) == "read_libsvm: most = 0, must be >= 1 and finite");
  CHECK(libsvm_error("1 1:2\n\xEF\xBB\xBF"
                     "1 1:2\n") == "2:1: the target is \"???1\", not a finite number");
}

TEST_CASE("LIBSVM: bad files") {
  CHECK(libsvm_error("1 1:2\nx 1:2\n") == "2:1: the target is \"x\", not a finite number");
  CHECK(libsvm_error("1 1:2 1:3\n") == "1:7: index 1 after 1, must increase from 1");
  CHECK(libsvm_error("1 0:2\n") == "1:3: index 0 after 0, must increase from 1");
  CHECK(libsvm_error("1 5:2 4:3\n") == "1:7: index 4 after 5, must increase from 1");
  CHECK(libsvm_error("1 a:2\n") == "1:3: \"a:2\" is not index:value");
  CHECK(libsvm_error("1 2\n") == "1:3: \"2\" is not index:value");
  CHECK(libsvm_error("1 99999999999999999999:2\n") == "1:3: \"99999999999999999999:2\" is not index:value");
  CHECK(libsvm_error("1 2:inf\n") == "1:5: the value of index 2 is \"inf\", not a finite number");
  CHECK(libsvm_error("1 2:\n") == "1:5: the value of index 2 is \"\", not a finite number");
  CHECK(libsvm_error("1 9:1\n", {.features = 8}) == "1:3: index 9, must be at most 8");
  CHECK(libsvm_error("1 1:1\n2 1:3 2:1\n", {.features = 1}) == "2:7: index 2, must be at most 1");
  CHECK(libsvm_error("1 4611686018427387904:1\n") ==
        "1:3: 1 x 4611686018427387904 numbers, at most 1073741824 are allowed");
  CHECK(libsvm_error("1 3:1\n2\n", {.most = 5}) == "1:3: 2 x 3 numbers, at most 5 are allowed");
  const TextFile file("glissade_test.libsvm", "1 3:1\n2\n");
  CHECK(read_libsvm(file.path, {.most = 6}).features.size() == 6);
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
  CHECK(message_of([] { signs_of(Eigen::VectorXd()); }) == "signs_of: the targets have one value only");
}

TEST_CASE("LIBSVM: a sparse table is the dense one, and takes memory for what the file names") {
  const std::string text = "+1 1:0.5 3:-2 # a comment\n\n-1 \t2:1e1 4:0\r\n+1\n";
  const TextFile file("glissade_test.libsvm", text);
  const TableData dense = read_libsvm(file.path);
  const SparseTableData sparse = read_libsvm_sparse(file.path);
  CHECK(sparse.targets == dense.targets);
  CHECK(Eigen::MatrixXd(sparse.features) == dense.features);
  CHECK(sparse.features.nonZeros() == 4);
  CHECK(sparse.features.isCompressed());
  CHECK(read_libsvm_sparse(file.path, {.features = 9}).features.cols() == 9);
  // No dense table of that many columns would fit anywhere.
  const TextFile wide("glissade_other.libsvm", "1 2147483647:3\n2 1:4\n");
  const SparseTableData few = read_libsvm_sparse(wide.path);
  CHECK(few.features.cols() == 2147483647);
  CHECK(few.features.coeff(0, 2147483646) == 3);
  CHECK(few.features.nonZeros() == 2);
}

TEST_CASE("LIBSVM: bad sparse files") {
  const auto error = [](const std::string& text, const SparseLibsvmOptions& options = {}) {
    const TextFile file("glissade_test.libsvm", text);
    return without_name(file, message_of<std::runtime_error>([&] { read_libsvm_sparse(file.path, options); }));
  };
  CHECK(error("1 2:1 1:1\n") == "1:7: index 1 after 2, must increase from 1");
  CHECK(error("1 1:1\n1 5:1\n", {.features = 4}) == "2:3: index 5, must be at most 4");
  CHECK(error("1 2147483648:1\n") == "1:3: index 2147483648, must be at most 2147483647");
  CHECK(error("1 1:nan\n") == "1:5: the value of index 1 is \"nan\", not a finite number");
  CHECK(error("x 1:1\n") == "1:1: the target is \"x\", not a finite number");
  CHECK(error("") == " no rows");
  CHECK(error("# nothing\n") == " no rows");
  const TextFile file("glissade_test.libsvm", "1 1:1\n");
  CHECK(message_of([&] { read_libsvm_sparse(file.path, {.features = -1}); }) ==
        "read_libsvm_sparse: features = -1, must be in [0, 2147483647]");
  CHECK_THAT(message_of<std::runtime_error>([] { read_libsvm_sparse("/nowhere/at/all.txt"); }),
             Catch::Matchers::ContainsSubstring("cannot be opened"));
}
