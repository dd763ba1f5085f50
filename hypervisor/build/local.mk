# SPDX-License-Identifier: MIT
# The domain builder. libbuild is all of it that reads no descriptor; tests and the fuzzer link it.
noinst_LTLIBRARIES += hypervisor/build/libbuild.la
hypervisor_build_libbuild_la_SOURCES = \
	hypervisor/build/acpi.c \
	hypervisor/build/acpi.h \
	hypervisor/build/build-wire.h \
	hypervisor/build/build.c \
	hypervisor/build/build.h \
	hypervisor/build/bzimage.c \
	hypervisor/build/bzimage.h \
	hypervisor/build/decompress.c \
	hypervisor/build/decompress.h \
	hypervisor/build/elf.c \
	hypervisor/build/elf.h \
	hypervisor/build/error.c \
	hypervisor/build/error.h \
	hypervisor/build/place.c \
	hypervisor/build/place.h \
	hypervisor/build/rewrite.c \
	hypervisor/build/rewrite.h \
	hypervisor/build/start-info.c \
	hypervisor/build/start-info.h \
	$(NULL)
hypervisor_build_libbuild_la_CPPFLAGS = $(AM_CPPFLAGS) $(UNPACK_CFLAGS)
hypervisor_build_libbuild_la_LIBADD = $(UNPACK_LIBS)

sbin_PROGRAMS += hypervisor/build/sluice-builder
hypervisor_build_sluice_builder_SOURCES = \
	hypervisor/build/confine.h \
	hypervisor/build/input.c \
	hypervisor/build/input.h \
	hypervisor/build/limits.c \
	hypervisor/build/main.c \
	$(NULL)
hypervisor_build_sluice_builder_CPPFLAGS = $(AM_CPPFLAGS) $(LIBSECCOMP_CFLAGS)
hypervisor_build_sluice_builder_LDADD = hypervisor/build/libbuild.la common/libcommon.la
if HAVE_LIBSECCOMP
hypervisor_build_sluice_builder_SOURCES += hypervisor/build/confine.c
hypervisor_build_sluice_builder_LDADD += $(LIBSECCOMP_LIBS)
else
hypervisor_build_sluice_builder_SOURCES += hypervisor/build/confine-none.c
endif
EXTRA_DIST += hypervisor/build/confine.c hypervisor/build/confine-none.c
dist_man_MANS += docs/man/sluice-builder.8

build_rig = tests/unit/build-rig.c tests/unit/build-rig.h
if HAVE_CMOCKA
build_tests = \
	tests/unit/build-acpi \
	tests/unit/build-bzimage \
	tests/unit/build-confine \
	tests/unit/build-elf \
	tests/unit/build-place \
	tests/unit/build-rewrite \
	tests/unit/build-vm \
	$(NULL)
check_PROGRAMS += $(build_tests)
TESTS += $(build_tests)
tests_unit_build_acpi_SOURCES = tests/unit/build-acpi.c
tests_unit_build_acpi_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_build_acpi_LDADD = hypervisor/build/libbuild.la $(CMOCKA_LIBS)
tests_unit_build_bzimage_SOURCES = tests/unit/build-bzimage.c $(build_rig)
tests_unit_build_bzimage_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS) $(UNPACK_CFLAGS)
tests_unit_build_bzimage_LDADD = hypervisor/build/libbuild.la $(UNPACK_LIBS) $(CMOCKA_LIBS)
tests_unit_build_elf_SOURCES = tests/unit/build-elf.c $(build_rig)
tests_unit_build_elf_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS) $(UNPACK_CFLAGS)
tests_unit_build_elf_LDADD = hypervisor/build/libbuild.la $(UNPACK_LIBS) $(CMOCKA_LIBS)
tests_unit_build_place_SOURCES = tests/unit/build-place.c
tests_unit_build_place_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_build_place_LDADD = hypervisor/build/libbuild.la $(CMOCKA_LIBS)
tests_unit_build_rewrite_SOURCES = tests/unit/build-rewrite.c
tests_unit_build_rewrite_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_build_rewrite_LDADD = hypervisor/build/libbuild.la $(CMOCKA_LIBS)
tests_unit_build_vm_SOURCES = tests/unit/build-vm.c $(build_rig)
tests_unit_build_vm_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS) $(UNPACK_CFLAGS)
tests_unit_build_vm_LDADD = hypervisor/build/libbuild.la $(UNPACK_LIBS) $(CMOCKA_LIBS)
tests_unit_build_confine_SOURCES = tests/unit/build-confine.c hypervisor/build/limits.c
tests_unit_build_confine_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS) $(LIBSECCOMP_CFLAGS)
tests_unit_build_confine_LDADD = common/libcommon.la $(CMOCKA_LIBS)
if HAVE_LIBSECCOMP
tests_unit_build_confine_SOURCES += hypervisor/build/confine.c
tests_unit_build_confine_LDADD += $(LIBSECCOMP_LIBS)
else
tests_unit_build_confine_SOURCES += hypervisor/build/confine-none.c
endif
endif

check_PROGRAMS += tests/fuzz/fuzz-build tests/peers/build-peer
TESTS += tests/fuzz/fuzz-build
tests_fuzz_fuzz_build_SOURCES = tests/fuzz/fuzz-build.c tests/fuzz/standalone.c $(build_rig)
tests_fuzz_fuzz_build_CPPFLAGS = $(AM_CPPFLAGS) $(UNPACK_CFLAGS)
tests_fuzz_fuzz_build_LDADD = hypervisor/build/libbuild.la $(UNPACK_LIBS)
tests_peers_build_peer_SOURCES = tests/peers/build-peer.c $(build_rig)
tests_peers_build_peer_CPPFLAGS = $(AM_CPPFLAGS) $(UNPACK_CFLAGS)
tests_peers_build_peer_LDADD = common/libcommon.la $(UNPACK_LIBS)

build_scripts = \
	tests/scripts/builder-bad-input.sh \
	tests/scripts/builder-confined.sh \
	tests/scripts/builder.sh \
	$(NULL)
dist_check_SCRIPTS += $(build_scripts)
TESTS += $(build_scripts)
EXTRA_DIST += tests/scripts/builder-functions.sh
