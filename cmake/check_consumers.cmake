# Builds the same program as six kinds of consumer would and compares the version that it prints.
# Run as: cmake -D BUILD_DIR=.. -D VERSION=.. -D CXX=.. -D GENERATOR=.. -D EIGEN=.. -P check_consumers.cmake
cmake_path(GET CMAKE_CURRENT_LIST_DIR PARENT_PATH source_dir)
set(consumers_dir ${source_dir}/tests/consumers)
set(work_dir ${BUILD_DIR}/consumers)
file(REMOVE_RECURSE ${work_dir})
file(MAKE_DIRECTORY ${work_dir})

function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT status EQUAL 0)
    list(JOIN ARGN " " command)
    message(NOTICE "${output}")
    message(FATAL_ERROR "failed: ${command}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

function(expect_version kind)
  run(${ARGN})
  if(NOT output STREQUAL "glissade ${VERSION}\n")
    message(FATAL_ERROR "${kind}: expected version ${VERSION}, got: ${output}")
  endif()
  message(STATUS "${kind}: ok")
endfunction()

function(check_project kind)
  set(build ${work_dir}/${kind})
  run(${CMAKE_COMMAND} -S ${consumers_dir}/${kind} -B ${build} -G ${GENERATOR}
    -D CMAKE_CXX_COMPILER=${CXX} ${ARGN})
  run(${CMAKE_COMMAND} --build ${build})
  expect_version(${kind} ${build}/consumer)
endfunction()

set(compile ${CXX} -std=c++20 ${consumers_dir}/main.cpp)

# Moved after it was installed: a package with its first prefix written into it would not be found.
run(${CMAKE_COMMAND} --install ${BUILD_DIR} --prefix ${work_dir}/installed)
file(RENAME ${work_dir}/installed ${work_dir}/moved)

check_project(find_package -D CMAKE_PREFIX_PATH=${work_dir}/moved)
# As README says, and where there is no Catch2: tests are not needed for an install, nor is anything built.
run(${CMAKE_COMMAND} -S ${source_dir} -B ${work_dir}/without_catch2 -G ${GENERATOR} -D CMAKE_CXX_COMPILER=${CXX}
  -D CMAKE_DISABLE_FIND_PACKAGE_Catch2=ON)
run(${CMAKE_COMMAND} --install ${work_dir}/without_catch2 --prefix ${work_dir}/installed_without_catch2)
run(${compile} -I${work_dir}/installed_without_catch2/include -I${EIGEN} -o ${work_dir}/without_catch2_program)
expect_version(without_catch2 ${work_dir}/without_catch2_program)

check_project(add_subdirectory -D GLISSADE_SOURCE=${source_dir})
check_project(fetch_content -D FETCHCONTENT_FULLY_DISCONNECTED=ON
  -D FETCHCONTENT_SOURCE_DIR_GLISSADE=${source_dir})

find_program(pkg_config NAMES pkg-config pkgconf)
if(pkg_config)
  set(ENV{PKG_CONFIG_PATH} ${work_dir}/moved/share/pkgconfig)
  run(${pkg_config} --cflags glissade)
  separate_arguments(flags UNIX_COMMAND "${output}")
  # With warnings as errors: they are a user's own, and none come from inside Eigen.
  run(${compile} ${flags} -Wall -Wextra -Wconversion -Wsign-conversion -Werror -o ${work_dir}/with_pkg_config)
  expect_version(pkg_config ${work_dir}/with_pkg_config)
else()
  message(STATUS "pkg_config: skipped, there is no pkg-config")
endif()

run(${compile} -I${source_dir}/include -I${EIGEN} -o ${work_dir}/with_include_path)
expect_version(include_path ${work_dir}/with_include_path)
