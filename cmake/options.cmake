# Compiler settings common to every target.
set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS ON) # POSIX and GNU interfaces of libc; the language itself stays C17
set(CMAKE_CXX_STANDARD 17)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
    set(CMAKE_BUILD_TYPE Release)
endif()

find_program(GALEN_CCACHE ccache)
if(GALEN_CCACHE)
    set(CMAKE_C_COMPILER_LAUNCHER ${GALEN_CCACHE})
    set(CMAKE_CXX_COMPILER_LAUNCHER ${GALEN_CCACHE})
endif()

# References must give the same bits on every machine: no contraction into FMA, no fast-math, anywhere.
add_compile_options(-ffp-contract=off -fno-math-errno -fno-trapping-math -Wall -Wextra -Wshadow -Wpointer-arith -Wvla -Wundef
    $<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes> $<$<COMPILE_LANGUAGE:C>:-Wmissing-prototypes>)
add_compile_definitions(_GNU_SOURCE $<$<CONFIG:Debug>:GALEN_DEBUG=1>)
if(GALEN_WERROR)
    add_compile_options(-Werror)
endif()
if(GALEN_SANITIZE)
    add_compile_options(-fsanitize=${GALEN_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
    add_link_options(-fsanitize=${GALEN_SANITIZE})
endif()

set(CMAKE_FIND_PACKAGE_TARGETS_GLOBAL ON) # libgalen links what its rooms found
if(GALEN_FUZZ)
    add_compile_options(-fsanitize=fuzzer-no-link) # coverage of the library, which libFuzzer steers by
endif()

find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
