# A subproject may add its library and cache entries with its own prefix, nothing else.
macro(remember_cache)
  get_cmake_property(cache_before CACHE_VARIABLES)
endmacro()

function(refuse_leaks source_dir)
  get_property(targets DIRECTORY ${source_dir} PROPERTY BUILDSYSTEM_TARGETS)
  get_property(subdirectories DIRECTORY ${source_dir} PROPERTY SUBDIRECTORIES)
  get_property(tests DIRECTORY ${source_dir} PROPERTY TESTS)
  if(NOT "${targets}${subdirectories}${tests}" STREQUAL "glissade")
    message(FATAL_ERROR "leaked targets, folders or tests: ${targets} ${subdirectories} ${tests}")
  endif()

  get_cmake_property(cache CACHE_VARIABLES)
  list(REMOVE_ITEM cache ${cache_before})
  # What project(), find_package() and FetchContent write themselves is not ours to choose.
  list(FILTER cache EXCLUDE REGEX
    "^(GLISSADE_.*|glissade_(BINARY_DIR|SOURCE_DIR|IS_TOP_LEVEL)|CMAKE_PROJECT_.*|Eigen3_DIR|FETCHCONTENT_.*)$")
  if(cache)
    message(FATAL_ERROR "leaked cache entries: ${cache}")
  endif()
  if(CMAKE_CXX_STANDARD OR CMAKE_BUILD_TYPE)
    message(FATAL_ERROR "the parent's language standard or build type was changed")
  endif()
endfunction()
