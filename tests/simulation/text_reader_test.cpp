#include "simulation/text_reader.hpp"
#include "tests/fresh_directory.hpp"

#include <string>
#include <vector>

#include <doctest/doctest.h>

using namespace skerry;
using skerry::testing::fresh_directory;

namespace {

struct content {
  std::vector<std::string> lines;
  std::string failure; ///< Empty when the file was read to its end.
};

content read_all(const std::string& path) {
  content all;
  auto reader = text_reader::open(path);
  if (!reader)
    return {{}, reader.failure().message};
  while (true) {
    const auto more = reader->next();
    if (!more)
      all.failure = more.failure().message;
    if (!more || !*more)
      return all;
    all.lines.emplace_back(reader->line());
  }
}

std::string many_lines(int count) {
  std::string text;
  for (int line = 0; line < count; ++line)
    text += "line " + std::to_string(line) + "\n";
  return text;
}

using lines = std::vector<std::string>;

} // namespace

TEST_SUITE_BEGIN("simulation/text_reader");

TEST_CASE("plain and gzip give the same lines") {
  const fresh_directory directory;
  const auto text = many_lines(50'000); // Several times the buffer.
  const auto plain = read_all(directory.write("plain", text));
  const auto packed = read_all(directory.write_gzip("packed.gz", text));
  CHECK(plain.failure == "");
  REQUIRE(plain.lines.size() == 50'000);
  CHECK(plain.lines[49'999] == "line 49999");
  CHECK(packed.failure == "");
  CHECK(packed.lines == plain.lines);
}

TEST_CASE("the last line may lack its end, and lines may end with CR LF") {
  const fresh_directory directory;
  CHECK(read_all(directory.write("a", "one\ntwo")).lines
        == lines{"one", "two"});
  CHECK(read_all(directory.write("b", "one\r\n\r\ntwo\r\n")).lines
        == lines{"one", "", "two"});
  CHECK(read_all(directory.write("c", "\xEF\xBB\xBFone\n")).lines
        == lines{"one"});
}

TEST_CASE("an empty file has no line") {
  const fresh_directory directory;
  CHECK(read_all(directory.write("a", "")).lines.empty());
  CHECK(read_all(directory.write_gzip("b.gz", "")).lines.empty());
  CHECK(read_all(directory.write("c", "")).failure == "");
}

TEST_CASE("a gzip file cut anywhere is refused") {
  const fresh_directory directory;
  const auto whole
      = testing::read_bytes(directory.write_gzip("whole.gz", many_lines(2000)));
  // From 10 on: the gzip header has 10 bytes; the trailer, with checksum and
  // length, has 8.
  for (const auto kept : {std::size_t{10}, std::size_t{11}, whole.size() / 2,
                          whole.size() - 8, whole.size() - 1}) {
    CAPTURE(kept);
    const auto path = directory.write("cut.gz", whole.substr(0, kept));
    const auto all = read_all(path);
    CHECK(all.failure.starts_with(path + ":"));
    CHECK(all.failure.find("ends early") != std::string::npos);
  }
}

TEST_CASE("a gzip file with a wrong byte is refused") {
  const fresh_directory directory;
  auto bytes
      = testing::read_bytes(directory.write_gzip("a.gz", many_lines(2000)));
  bytes[bytes.size() - 8] ^= 1; // The checksum: all lines decompress.
  const auto all = read_all(directory.write("bad.gz", bytes));
  CHECK(all.failure.ends_with(":1: the gzip file is damaged: incorrect data "
                              "check (fetch or compress it again)"));
}

TEST_CASE("a file that cannot be read says why") {
  const fresh_directory directory;
  const auto missing = text_reader::open((directory.path() / "no").string());
  REQUIRE(!missing);
  CHECK(missing.failure().code == error_code::io_failed);
  CHECK(missing.failure().message
        == "cannot read " + (directory.path() / "no").string()
               + ": No such file or directory");

  auto folder = text_reader::open(directory.path().string());
  if (folder) { // zlib opens a directory; reading it fails.
    const auto more = folder->next();
    REQUIRE(!more);
    CHECK(more.failure().code == error_code::io_failed);
  }
}

TEST_CASE("a line at the limit is read, a longer one is refused") {
  const fresh_directory directory;
  const std::string longest(max_line_bytes, 'x');
  CHECK(read_all(directory.write("a", longest + "\r\nnext\n")).lines
        == lines{longest, "next"});
  const auto path = directory.write("b", "first\n" + longest + "x\n");
  CHECK(read_all(path).failure
        == path
               + ":2:65537: the line is longer than 65536 bytes (is this a "
                 "text file?)");
  const auto endless = directory.write("c", longest + longest + longest);
  CHECK(read_all(endless).failure.find(":1:65537: ") != std::string::npos);
}

TEST_CASE("a binary file is refused at its first zero byte") {
  const fresh_directory directory;
  const auto path = directory.write("a", std::string_view{"ok\nab\0c\n", 8});
  CHECK(read_all(path).failure
        == path + ":2:3: a zero byte (is this a text file?)");
}

TEST_CASE("fields know their columns") {
  std::vector<text_field> fields;
  split_commas("a,,bc,", fields);
  REQUIRE(fields.size() == 4);
  CHECK(fields[1].text == "");
  CHECK(fields[2].text == "bc");
  CHECK(fields[2].column == 4);
  CHECK(fields[3].column == 7);
  split_commas("", fields);
  CHECK(fields.size() == 1);

  split_blanks("  a \t bc  ", fields);
  REQUIRE(fields.size() == 2);
  CHECK(fields[0].column == 3);
  CHECK(fields[1].text == "bc");
  CHECK(fields[1].column == 7);
  split_blanks(" ", fields);
  CHECK(fields.empty());
}

TEST_CASE("integers are whole, in range, and nothing else") {
  const fresh_directory directory;
  const auto path = directory.write("a", "x\n");
  auto reader = text_reader::open(path);
  REQUIRE(reader);
  REQUIRE(reader->next());
  const auto parse = [&](std::string_view text) {
    return reader->integer({text, 5}, "cores", 0, 100);
  };
  CHECK(*parse("0") == 0);
  CHECK(*parse("100") == 100);
  for (const auto* bad :
       {"", "1x", " 1", "1 ", "+1", "1.0", "NaN", "1e3", "0x1", "inf", "-"}) {
    CAPTURE(bad);
    CHECK(!parse(bad));
  }
  CHECK(parse("7up").failure()
        == error{error_code::malformed,
                 path + ":1:5: cores is \"7up\" (want a whole number)"});
  // Content never sends escape sequences to a terminal.
  CHECK(parse("\x1B[2J").failure().message
        == path + ":1:5: cores is \"?[2J\" (want a whole number)");
  CHECK(parse("").failure().message
        == path + ":1:5: cores is missing (want a whole number)");
  CHECK(parse("-1").failure().message
        == path + ":1:5: cores is \"-1\" (want 0 to 100)");
  CHECK(parse("9223372036854775808").failure().message // 2^63
        == path + ":1:5: cores is \"9223372036854775808\" (want 0 to 100)");
}

TEST_SUITE_END();
