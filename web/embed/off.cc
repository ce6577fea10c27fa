// The page of a binary that was built without the chat page (BOWHEAD_WEB=OFF, or no npm).
#include "api/web_assets.h"

namespace bowhead::api {
namespace {

constexpr std::string_view kHtml =
    R"(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Bowhead</title>
</head>
<body>
<main>
<h1>Bowhead is running</h1>
<p>This binary was built without the chat page. To get it, install Node.js 20.19 or newer with npm, then build again with
<code>cmake --preset release -DBOWHEAD_WEB=ON</code> and <code>cmake --build --preset release</code>.</p>
<p>The API works as it is. Try:</p>
<pre>curl localhost:8080/chat -d prompt=Hello</pre>
</main>
</body>
</html>
)";

constexpr WebAsset kAssets[] = {{"/", "text/html; charset=utf-8", "\"bowhead-page-off\"", false, kHtml, ""}};

}  // namespace

std::span<const WebAsset> WebAssets() {
  return kAssets;
}

}  // namespace bowhead::api
