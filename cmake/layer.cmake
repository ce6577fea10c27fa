# bowhead_layer(NAME [IN_LIBRARY] DEPS target...): the library target bowhead::NAME from every source of src/NAME, and the test
# binary NAME_test from its *_test.cc files. Files that end in _avx2.cc, _avx512.cc or _avx512bf16.cc get
# their instruction set's flags; no other file may use such instructions. A folder without sources becomes an interface target.
# IN_LIBRARY: libbowhead.so holds it too, so its code is position-independent; hidden symbols keep calls and data as direct
# as they are in a program (decode is as fast). Sanitizer and fuzz builds have no libbowhead.so and stay as they are.
set(BOWHEAD_AVX2_FLAGS -mavx2 -mfma -mf16c)
set(BOWHEAD_AVX512_FLAGS -mavx512f -mavx512bw -mavx512vl -mavx512dq -mavx512vnni
    -mprefer-vector-width=512 -mavx2 -mfma -mf16c)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC 12 warns of the deliberately undefined values inside its own intrinsics headers.
  list(APPEND BOWHEAD_AVX512_FLAGS -Wno-uninitialized -Wno-maybe-uninitialized)
endif()

set(BOWHEAD_AVX512BF16_FLAGS ${BOWHEAD_AVX512_FLAGS} -mavx512bf16)

function(bowhead_layer NAME)
  cmake_parse_arguments(ARG "IN_LIBRARY" "" "DEPS" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${NAME}/*.cc)
  set(tests ${sources})
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  list(FILTER sources EXCLUDE REGEX "_test\\.cc$")
  foreach(file IN LISTS sources)
    if(file MATCHES "_avx512\\.cc$")
      set_source_files_properties(${file} PROPERTIES COMPILE_OPTIONS "${BOWHEAD_AVX512_FLAGS}")
    elseif(file MATCHES "_avx512bf16\\.cc$")
      set_source_files_properties(${file} PROPERTIES COMPILE_OPTIONS "${BOWHEAD_AVX512BF16_FLAGS}")
    elseif(file MATCHES "_avx2\\.cc$")
      set_source_files_properties(${file} PROPERTIES COMPILE_OPTIONS "${BOWHEAD_AVX2_FLAGS}")
    endif()
  endforeach()
  if(sources)
    add_library(bowhead_${NAME} STATIC ${sources})
    target_include_directories(bowhead_${NAME} PUBLIC ${CMAKE_SOURCE_DIR}/src)
    target_link_libraries(bowhead_${NAME} PUBLIC ${ARG_DEPS})
    if(ARG_IN_LIBRARY AND BOWHEAD_LIBRARY)
      set_target_properties(bowhead_${NAME} PROPERTIES POSITION_INDEPENDENT_CODE ON CXX_VISIBILITY_PRESET hidden
          VISIBILITY_INLINES_HIDDEN ON)
    endif()
  else()
    add_library(bowhead_${NAME} INTERFACE)
    target_include_directories(bowhead_${NAME} INTERFACE ${CMAKE_SOURCE_DIR}/src)
    target_link_libraries(bowhead_${NAME} INTERFACE ${ARG_DEPS})
  endif()
  add_library(bowhead::${NAME} ALIAS bowhead_${NAME})
  if(BOWHEAD_TESTS AND tests)
    add_executable(${NAME}_test ${tests})
    target_link_libraries(${NAME}_test PRIVATE bowhead::${NAME} GTest::gtest GTest::gtest_main)
    add_test(NAME ${NAME}_test COMMAND ${NAME}_test)
  endif()
endfunction()
