# The chat page: npm builds web/ inside the build folder, web/embed/embed.mjs makes one C++ source of the result, and
# bowhead_api gets it. Runs again only when a file of web/ has changed. Without npm, or with BOWHEAD_WEB=OFF, a page that
# says how to get the real one takes its place.
function(bowhead_web)
  if(BOWHEAD_WEB)
    find_program(BOWHEAD_NODE NAMES node nodejs)
    find_program(BOWHEAD_NPM npm)
    set(version "none")
    if(BOWHEAD_NODE AND BOWHEAD_NPM)
      execute_process(COMMAND ${BOWHEAD_NODE} --version OUTPUT_VARIABLE version OUTPUT_STRIP_TRAILING_WHITESPACE)
      string(REGEX REPLACE "^v" "" version "${version}")
    endif()
    if(version STREQUAL "none" OR version VERSION_LESS 20.19)
      message(WARNING "BOWHEAD_WEB is ON, but Node.js 20.19 or newer with npm is not there (found: ${version}): the "
        "binary will have no chat page. `make build` installs one; or set BOWHEAD_WEB=OFF.")
      unset(BOWHEAD_NODE CACHE)  # the next configure looks again
      unset(BOWHEAD_NPM CACHE)
      set(BOWHEAD_WEB OFF)
    endif()
  endif()
  if(NOT BOWHEAD_WEB)
    target_sources(bowhead_api PRIVATE ${CMAKE_SOURCE_DIR}/web/embed/off.cc)
    return()
  endif()

  set(from ${CMAKE_SOURCE_DIR}/web)
  set(to ${CMAKE_BINARY_DIR}/web)
  set(manifests ${from}/package.json ${from}/package-lock.json ${from}/.npmrc)
  file(GLOB configs CONFIGURE_DEPENDS ${from}/*.ts ${from}/*.js ${from}/tsconfig.json ${from}/index.html)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${from}/src/* ${from}/public/*)

  # --ignore-scripts: no package may run code of its own while it is being installed.
  add_custom_command(OUTPUT ${to}/installed.stamp
    COMMAND ${CMAKE_COMMAND} -E make_directory ${to}
    COMMAND ${CMAKE_COMMAND} -E copy ${manifests} ${to}
    COMMAND ${CMAKE_COMMAND} -E chdir ${to} ${BOWHEAD_NPM} ci --ignore-scripts --no-audit --no-fund --loglevel=error
    COMMAND ${CMAKE_COMMAND} -E touch ${to}/installed.stamp
    DEPENDS ${manifests}
    COMMENT "Installing the page's build tools with npm ci (no network? configure with -DBOWHEAD_WEB=OFF)"
    VERBATIM)

  add_custom_command(OUTPUT ${to}/web_assets_data.cc ${to}/web_assets.bin
    COMMAND ${CMAKE_COMMAND} -E rm -rf ${to}/src ${to}/public ${to}/dist
    COMMAND ${CMAKE_COMMAND} -E copy ${configs} ${to}
    COMMAND ${CMAKE_COMMAND} -E copy_directory ${from}/src ${to}/src
    COMMAND ${CMAKE_COMMAND} -E copy_directory ${from}/public ${to}/public
    COMMAND ${CMAKE_COMMAND} -E chdir ${to} ${BOWHEAD_NPM} run build --silent -- --logLevel warn
    COMMAND ${BOWHEAD_NODE} ${from}/embed/embed.mjs ${to}/dist ${to}
    DEPENDS ${to}/installed.stamp ${configs} ${sources} ${from}/embed/embed.mjs
    COMMENT "Building the page"
    VERBATIM)

  # The assembler reads web_assets.bin behind the dependency scanner's back.
  set_source_files_properties(${to}/web_assets_data.cc PROPERTIES OBJECT_DEPENDS ${to}/web_assets.bin)
  target_sources(bowhead_api PRIVATE ${to}/web_assets_data.cc)
endfunction()
bowhead_web()
