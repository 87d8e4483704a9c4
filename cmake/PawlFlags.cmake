# Flags every target of the project is compiled and linked with, as one interface library.
find_program(CCACHE ccache)
if(CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE})
endif()

set(CMAKE_POSITION_INDEPENDENT_CODE ON)
include(CheckPIESupported)
check_pie_supported()

add_library(pawl_flags INTERFACE)
target_compile_features(pawl_flags INTERFACE cxx_std_20)
target_include_directories(pawl_flags INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_options(pawl_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wcast-qual -Wdouble-promotion
  -Wformat=2 -Wimplicit-fallthrough -Wundef
  $<$<COMPILE_LANGUAGE:CXX>:-Wold-style-cast$<SEMICOLON>-Wnon-virtual-dtor$<SEMICOLON>-Woverloaded-virtual$<SEMICOLON>-Wextra-semi>
  $<$<BOOL:${PAWL_WERROR}>:-Werror>
  $<$<AND:$<CXX_COMPILER_ID:Clang>,$<VERSION_LESS:$<CXX_COMPILER_VERSION>,16>>:-enable-trivial-auto-var-init-zero-knowing-it-will-be-removed-from-clang>
  -fstack-protector-strong -ftrivial-auto-var-init=zero -ffunction-sections -fdata-sections
  $<$<CXX_COMPILER_ID:GNU>:-fstack-clash-protection>
  $<$<STREQUAL:${CMAKE_SYSTEM_PROCESSOR},x86_64>:-fcf-protection>
  -ffile-prefix-map=${PROJECT_SOURCE_DIR}=. -ffile-prefix-map=${PROJECT_BINARY_DIR}=build
  $<$<BOOL:${PAWL_COVERAGE}>:--coverage>)
target_compile_definitions(pawl_flags INTERFACE
  _GLIBCXX_ASSERTIONS _FILE_OFFSET_BITS=64
  $<$<NOT:$<CONFIG:Debug>>:_FORTIFY_SOURCE=2>)
target_link_options(pawl_flags INTERFACE
  $<$<BOOL:${PAWL_COVERAGE}>:--coverage>
  -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--gc-sections -Wl,--as-needed -Wl,--build-id=sha1)
if(PAWL_FUZZ)
  target_compile_options(pawl_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(PAWL_SANITIZE)  # a list with commas, which generator expressions cannot hold
  target_compile_options(pawl_flags INTERFACE -fsanitize=${PAWL_SANITIZE} -fno-sanitize-recover=all)
  # clang 14 cannot assemble what this check puts in front of the parts of a coroutine
  target_compile_options(pawl_flags INTERFACE $<$<CXX_COMPILER_ID:Clang>:-fno-sanitize=function>)
  target_link_options(pawl_flags INTERFACE -fsanitize=${PAWL_SANITIZE})
endif()
