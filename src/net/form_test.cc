#include "net/form.h"

#include <gtest/gtest.h>

#include <string>

namespace bowhead::net {
namespace {

const std::string kType = "multipart/form-data; boundary=\"b 1\"";

std::string Part(const std::string& header, const std::string& value) {
  return "--b 1\r\n" + header + "\r\n\r\n" + value + "\r\n";
}

TEST(FormTest, Kinds) {
  EXPECT_EQ(FormKindOf("application/x-www-form-urlencoded; charset=utf-8"), FormKind::kUrlEncoded);
  EXPECT_EQ(FormKindOf(" Multipart/Form-Data;boundary=x"), FormKind::kMultipart);
  EXPECT_EQ(FormKindOf("application/json"), FormKind::kNone);
  EXPECT_EQ(FormKindOf(""), FormKind::kNone);
  EXPECT_EQ(MediaType("Text/HTML ; charset=x"), "text/html");
}

TEST(FormTest, UrlEncoded) {
  const auto form = ParseForm("application/x-www-form-urlencoded", "prompt=Hi+there%21&n=1");
  ASSERT_TRUE(form.ok());
  EXPECT_EQ(FindField(*form, "prompt")->value, "Hi there!");
  EXPECT_EQ(FindField(*form, "nothing"), nullptr);
  EXPECT_FALSE(ParseForm("application/x-www-form-urlencoded", "a=%").ok());
}

TEST(FormTest, Multipart) {
  const auto form = ParseForm(
      kType,
      "preamble\r\n" + Part("Content-Disposition: form-data; name=\"a\"", "x\r\n--b\r\n") +
          Part("content-type: Text/Plain; charset=x\r\nContent-Disposition: form-data; filename=\"q\\\".txt\"; name=f",
               std::string("\0\r\n", 3)) +
          Part("Content-Disposition: form-data; name=\"empty\"", "") + "--b 1--\r\nepilogue");
  ASSERT_TRUE(form.ok()) << form.status().ToString();
  ASSERT_EQ(form->size(), 3U);
  EXPECT_EQ((*form)[0].value, "x\r\n--b\r\n");
  EXPECT_EQ((*form)[1].name, "f");
  EXPECT_EQ((*form)[1].file_name, "q\".txt");
  EXPECT_EQ((*form)[1].content_type, "text/plain");
  EXPECT_EQ((*form)[1].value, std::string("\0\r\n", 3));
  EXPECT_EQ((*form)[2].value, "");
}

TEST(FormTest, APartWhoseEmptyLineTouchesTheBoundary) {
  const auto form =
      ParseForm("multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=a\r\n\r\n--x--");
  ASSERT_TRUE(form.ok()) << form.status().ToString();
  EXPECT_EQ((*form)[0].value, "");
}

TEST(FormTest, RefusesBrokenMultipart) {
  const std::string good = "Content-Disposition: form-data; name=a";
  EXPECT_FALSE(ParseForm("multipart/form-data", "--\r\n").ok());
  EXPECT_FALSE(ParseForm("multipart/form-data; boundary=", "--\r\n").ok());
  EXPECT_FALSE(ParseForm("multipart/form-data; boundary=\"x", "--x--").ok());
  EXPECT_FALSE(ParseForm("multipart/form-data; boundary=" + std::string(71, 'x'), "").ok());
  EXPECT_FALSE(ParseForm(kType, "").ok());
  EXPECT_FALSE(ParseForm(kType, Part(good, "no end")).ok());
  EXPECT_FALSE(ParseForm(kType, "--b 1junk\r\n").ok());
  EXPECT_FALSE(ParseForm(kType, Part("Content-Disposition: form-data", "no name") + "--b 1--").ok());
  EXPECT_FALSE(ParseForm(kType, Part("Content-Disposition: attachment; name=a", "x") + "--b 1--").ok());
  EXPECT_FALSE(ParseForm(kType, Part("nonsense", "x") + "--b 1--").ok());
  EXPECT_FALSE(ParseForm(kType, Part(good + "\r\nContent-Transfer-Encoding: base64", "x") + "--b 1--").ok());
  EXPECT_FALSE(
      ParseForm(kType, Part(std::string("Content-Disposition: form-data; name=\"a\0\"", 40), "x") + "--b 1--").ok());
  EXPECT_TRUE(ParseForm(kType, "--b 1--").ok());
  EXPECT_FALSE(ParseForm("application/json", "{}").ok());
}

TEST(FormTest, Limits) {
  std::string body;
  for (int i = 0; i < 3; ++i) body += Part("Content-Disposition: form-data; name=a", "x");
  body += "--b 1--";
  EXPECT_TRUE(ParseForm(kType, body, {.max_fields = 3}).ok());
  EXPECT_FALSE(ParseForm(kType, body, {.max_fields = 2}).ok());
  EXPECT_FALSE(ParseForm(kType, body, {.max_bytes = body.size() - 1}).ok());
  EXPECT_FALSE(ParseForm(kType, body, {.max_part_header = 20}).ok());
}

}  // namespace
}  // namespace bowhead::net
