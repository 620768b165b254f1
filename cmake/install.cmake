include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# A file set alone gives consumers with CMake older than 3.23 no include path, and no error either.
target_include_directories(glissade INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)

# Headers are the same on every architecture, so everything goes to the shared data directory.
set(package_dir ${CMAKE_INSTALL_DATADIR}/cmake/glissade)
set(pkgconfig_dir ${CMAKE_INSTALL_DATADIR}/pkgconfig)

install(TARGETS glissade EXPORT glissade-targets FILE_SET HEADERS)
install(EXPORT glissade-targets NAMESPACE glissade:: DESTINATION ${package_dir})
export(EXPORT glissade-targets NAMESPACE glissade:: FILE ${PROJECT_BINARY_DIR}/glissade-targets.cmake)

configure_package_config_file(
  ${PROJECT_SOURCE_DIR}/cmake/glissade-config.cmake.in ${PROJECT_BINARY_DIR}/glissade-config.cmake
  INSTALL_DESTINATION ${package_dir}
  NO_SET_AND_CHECK_MACRO)
# While the major version is 0, a new minor version may break its users.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/glissade-config-version.cmake
  COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(
  FILES ${PROJECT_BINARY_DIR}/glissade-config.cmake ${PROJECT_BINARY_DIR}/glissade-config-version.cmake
  DESTINATION ${package_dir})

# The prefix is found from where the .pc file lies, so an installed tree can be moved.
file(RELATIVE_PATH prefix_from_pc "/${pkgconfig_dir}" "/")
string(REGEX REPLACE "/$" "" prefix_from_pc "${prefix_from_pc}")
get_target_property(eigen_dirs Eigen3::Eigen INTERFACE_INCLUDE_DIRECTORIES)
list(TRANSFORM eigen_dirs REPLACE "^\\$<(BUILD|INSTALL)_INTERFACE:(.*)>$" "\\2")
list(TRANSFORM eigen_dirs PREPEND "-isystem ")
list(JOIN eigen_dirs " " eigen_flags)
configure_file(${PROJECT_SOURCE_DIR}/cmake/glissade.pc.in ${PROJECT_BINARY_DIR}/glissade.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/glissade.pc DESTINATION ${pkgconfig_dir})
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
