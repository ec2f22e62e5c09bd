# Language, warnings and sanitizers for every target, and the functions that
# declare a room and its tests.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g1")

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo)
endif()

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${CCACHE_PROGRAM}")
endif()

add_library(skerry_flags INTERFACE)
target_include_directories(skerry_flags INTERFACE "${CMAKE_SOURCE_DIR}")
target_compile_options(
  skerry_flags INTERFACE -Wall -Wextra -Wpedantic -Wconversion -Wshadow
                         -Werror
                         # The same sums on every machine, with FMA or without.
                         -ffp-contract=off
                         # g++ 12 reports std::string operator+ (PR 105651).
                         -Wno-restrict)
if(SKERRY_SANITIZE)
  target_compile_options(
    skerry_flags INTERFACE -fsanitize=${SKERRY_SANITIZE}
                           -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(skerry_flags INTERFACE -fsanitize=${SKERRY_SANITIZE})
endif()

# Messages are made by one thread and freed by another, which jemalloc does a
# third faster than glibc (measured: jobs through a server). Sanitizers bring
# their own.
find_library(JEMALLOC_LIBRARY jemalloc REQUIRED)
add_library(skerry_malloc INTERFACE)
if(NOT SKERRY_SANITIZE)
  target_link_libraries(skerry_malloc INTERFACE "${JEMALLOC_LIBRARY}")
  target_compile_definitions(skerry_malloc INTERFACE SKERRY_JEMALLOC)
endif()

# skerry_room(NAME SOURCES a.cpp b.cpp USES target ...)
# A static library `skerry_NAME`, known to others as `skerry::NAME`.
function(skerry_room name)
  cmake_parse_arguments(ROOM "" "" "SOURCES;USES" ${ARGN})
  add_library(skerry_${name} STATIC ${ROOM_SOURCES})
  add_library(skerry::${name} ALIAS skerry_${name})
  target_link_libraries(skerry_${name} PUBLIC skerry_flags ${ROOM_USES})
endfunction()
