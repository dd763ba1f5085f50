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
