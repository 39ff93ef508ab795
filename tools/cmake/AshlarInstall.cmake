# What is installed: the program, the runtime library with its header, and the files by which CMake and pkg-config find
# them. All paths are relative to the prefix, so the installed tree may be moved.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

option(ASHLAR_RELOCATABLE "Install LLVM and all other libraries that ashlar needs beside it" OFF)

# The names that an application uses hold in our own tree too.
add_executable(Ashlar::ashlar ALIAS ashlar)

set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/Ashlar)
# Debian keeps LLVM's libraries in a folder of their own.
set_target_properties(ashlar PROPERTIES INSTALL_RPATH_USE_LINK_PATH ON)
install(TARGETS ashlar ashlar_rt EXPORT AshlarTargets)
install(FILES runtime/ashlar_rt.h TYPE INCLUDE)
if(TARGET ashlar_onednn)
  install(TARGETS ashlar_onednn EXPORT AshlarTargets)
  install(TARGETS ashlar_onednn_module DESTINATION ${CMAKE_INSTALL_LIBDIR}/ashlar)
  install(FILES runtime/onednn/ashlar_onednn.h TYPE INCLUDE)
  set_property(TARGET ashlar APPEND PROPERTY INSTALL_RPATH "$ORIGIN/../${CMAKE_INSTALL_LIBDIR}/ashlar")
endif()
install(EXPORT AshlarTargets NAMESPACE Ashlar:: DESTINATION ${package_folder})

configure_package_config_file(tools/cmake/AshlarConfig.cmake.in AshlarConfig.cmake INSTALL_DESTINATION ${package_folder})
write_basic_package_version_file(AshlarConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/AshlarConfig.cmake ${PROJECT_BINARY_DIR}/AshlarConfigVersion.cmake
  tools/cmake/AshlarAddModel.cmake DESTINATION ${package_folder})

file(RELATIVE_PATH ASHLAR_PREFIX_FROM_PC /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
configure_file(tools/cmake/ashlar.pc.in ashlar.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/ashlar.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
if(TARGET ashlar_onednn)
  configure_file(tools/cmake/ashlar-onednn.pc.in ashlar-onednn.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/ashlar-onednn.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endif()

# The program then runs on a machine with nothing but the C library.
if(ASHLAR_RELOCATABLE)
  set_target_properties(ashlar PROPERTIES INSTALL_RPATH_USE_LINK_PATH OFF INSTALL_RPATH "$ORIGIN/../${CMAKE_INSTALL_LIBDIR}/ashlar")
  install(TARGETS ashlar RUNTIME_DEPENDENCY_SET ashlar_libraries)
  install(RUNTIME_DEPENDENCY_SET ashlar_libraries PRE_EXCLUDE_REGEXES "^ld-linux" "^lib(c|m|dl|pthread|rt)[.]so"
    DESTINATION ${CMAKE_INSTALL_LIBDIR}/ashlar)
endif()
