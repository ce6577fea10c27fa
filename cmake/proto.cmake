# bowhead::proto: C++ messages of every file in proto/, made by protoc in the build folder. Only messages: the service runs
# on gRPC's generic API (src/api/grpc/), and reflection takes the descriptors from them.
find_package(Protobuf REQUIRED)  # libprotobuf-dev, protobuf-compiler
find_package(gRPC CONFIG REQUIRED)  # libgrpc++-dev; it looks for the plugins too: protobuf-compiler-grpc

file(GLOB_RECURSE proto_files CONFIGURE_DEPENDS RELATIVE ${CMAKE_SOURCE_DIR}/proto ${CMAKE_SOURCE_DIR}/proto/*.proto)
set(proto_out ${CMAKE_BINARY_DIR}/proto)
set(proto_sources)
foreach(file IN LISTS proto_files)
  string(REGEX REPLACE "\\.proto$" ".pb" stem ${file})
  list(APPEND proto_sources ${proto_out}/${stem}.cc)
  list(APPEND proto_byproducts ${proto_out}/${stem}.h)
endforeach()
add_custom_command(OUTPUT ${proto_sources} ${proto_byproducts}
  COMMAND ${CMAKE_COMMAND} -E make_directory ${proto_out}
  COMMAND protobuf::protoc --proto_path=${CMAKE_SOURCE_DIR}/proto --cpp_out=${proto_out} ${proto_files}
  DEPENDS protobuf::protoc
  COMMENT "Generating the messages of proto/"
  VERBATIM)
list(TRANSFORM proto_files PREPEND ${CMAKE_SOURCE_DIR}/proto/ OUTPUT_VARIABLE proto_inputs)
add_custom_command(OUTPUT ${proto_sources} ${proto_byproducts} APPEND DEPENDS ${proto_inputs})

add_library(bowhead_proto STATIC ${proto_sources})
target_include_directories(bowhead_proto SYSTEM PUBLIC ${proto_out})
target_link_libraries(bowhead_proto PUBLIC protobuf::libprotobuf)
target_compile_options(bowhead_proto PRIVATE -w)  # generated code is not ours to mend
add_library(bowhead::proto ALIAS bowhead_proto)

# Protobuf's headers give messages another layout where they see ThreadSanitizer, and Debian's library was built without
# it: who includes them must not see it. Their code is checked all the same.
if(BOWHEAD_SANITIZE STREQUAL "thread")
  target_compile_options(bowhead_proto PRIVATE -U__SANITIZE_THREAD__)
  file(GLOB grpc_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/api/grpc/*.cc)
  set_source_files_properties(${grpc_sources} PROPERTIES COMPILE_OPTIONS -U__SANITIZE_THREAD__)
endif()
