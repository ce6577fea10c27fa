// The table between base::Status, HTTP and gRPC.
#include "api/error.h"

#include <gtest/gtest.h>

namespace bowhead::api {
namespace {

TEST(ErrorTest, ACodeSurvivesTheWayOverHttp) {
  for (int number = 3; number <= 16; ++number) {
    const auto code = static_cast<base::StatusCode>(number);
    const ApiError error = FromStatus(base::Status(code, "why"));
    EXPECT_EQ(error.message, "why");
    const base::StatusCode back = GrpcCodeOf(error);
    switch (code) {  // several codes share what HTTP can say
      case base::StatusCode::kFailedPrecondition:
        EXPECT_EQ(back, base::StatusCode::kInvalidArgument);
        break;
      case base::StatusCode::kAlreadyExists:
        EXPECT_EQ(back, base::StatusCode::kAborted);
        break;
      case base::StatusCode::kDataLoss:
        EXPECT_EQ(back, base::StatusCode::kInternal);
        break;
      default:
        EXPECT_EQ(back, code) << number;
    }
  }
}

TEST(ErrorTest, StatusesThatOnlyHttpHas) {
  EXPECT_EQ(GrpcCodeOf({.status = 405}), base::StatusCode::kUnimplemented);
  EXPECT_EQ(GrpcCodeOf({.status = 408}), base::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(GrpcCodeOf({.status = 413}), base::StatusCode::kResourceExhausted);
  EXPECT_EQ(GrpcCodeOf({.status = 418}), base::StatusCode::kInvalidArgument);
  EXPECT_EQ(GrpcCodeOf({.status = 400, .code = "unknown_parameter"}), base::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace bowhead::api
