# Compiler, linker and cache settings that every target shares.
find_program(BOWHEAD_CCACHE ccache)
if(BOWHEAD_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_NOHASHDIR=1 ${BOWHEAD_CCACHE})
endif()
find_program(BOWHEAD_MOLD mold)
if(BOWHEAD_MOLD)
  add_link_options(-fuse-ld=mold)
endif()

add_compile_options(-Wall -Wextra -Wpedantic -Werror -Wshadow -Wnon-virtual-dtor -Wold-style-cast -fno-math-errno)
# GCC 12 sees uninitialised memory in moved std::variant and std::optional; the sanitizer builds check for real.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  add_compile_options(-Wno-maybe-uninitialized)
endif()
# No contraction across statements: kernels state their fused operations, so that every ISA and batch size rounds alike.
add_compile_options(-ffp-contract=off)
if(BOWHEAD_SANITIZE)
  add_compile_options(-fsanitize=${BOWHEAD_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${BOWHEAD_SANITIZE})
endif()
