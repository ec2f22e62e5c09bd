# CAF 0.17 ships neither a CMake package nor pkg-config files.
# find_package(CAF 0.17.6 REQUIRED COMPONENTS core io openssl) gives CAF::core,
# CAF::io and CAF::openssl.
include(FindPackageHandleStandardArgs)

find_path(CAF_INCLUDE_DIR caf/config.hpp)
if(CAF_INCLUDE_DIR)
  file(STRINGS "${CAF_INCLUDE_DIR}/caf/config.hpp" version
       REGEX "^#define CAF_VERSION [0-9]+")
  # 1706 is 0.17.6
  string(REGEX REPLACE ".* 0*([0-9]+)$" "\\1" version "${version}")
  math(EXPR major "${version} / 10000")
  math(EXPR minor "(${version} / 100) % 100")
  math(EXPR patch "${version} % 100")
  set(CAF_VERSION "${major}.${minor}.${patch}")
endif()

set(libraries)
foreach(component IN LISTS CAF_FIND_COMPONENTS)
  find_library(CAF_${component}_LIBRARY caf_${component})
  list(APPEND libraries CAF_${component}_LIBRARY)
endforeach()
find_package_handle_standard_args(
  CAF REQUIRED_VARS CAF_INCLUDE_DIR ${libraries} VERSION_VAR CAF_VERSION)

if(CAF_FOUND)
  find_package(Threads REQUIRED)
  foreach(component IN LISTS CAF_FIND_COMPONENTS)
    if(NOT TARGET CAF::${component})
      add_library(CAF::${component} UNKNOWN IMPORTED)
      set_target_properties(
        CAF::${component} PROPERTIES IMPORTED_LOCATION
                                     "${CAF_${component}_LIBRARY}")
    endif()
  endforeach()
  target_link_libraries(CAF::core INTERFACE Threads::Threads)
  if(TARGET CAF::io)
    target_link_libraries(CAF::io INTERFACE CAF::core)
  endif()
  if(TARGET CAF::openssl)
    find_package(OpenSSL REQUIRED)
    target_link_libraries(CAF::openssl INTERFACE CAF::io OpenSSL::SSL)
  endif()
endif()
mark_as_advanced(CAF_INCLUDE_DIR)
