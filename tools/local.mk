# SPDX-License-Identifier: MIT
# The toolstack's command and the benchmark.
noinst_LTLIBRARIES += tools/libstack.la
tools_libstack_la_SOURCES = \
	tools/stack-cpu.c \
	tools/stack-dir.c \
	tools/stack-disk.c \
	tools/stack-nodes.c \
	tools/stack-private.h \
	tools/stack-spawn.c \
	tools/stack.c \
	tools/stack.h \
	tools/vdev.c \
	tools/vdev.h \
	$(NULL)
tools_libstack_la_LIBADD = \
	hypervisor/process/libhvctl.la \
	xenstore/libxsnode.la \
	common/libcommon.la \
	$(NULL)

bin_PROGRAMS += tools/sluice
tools_sluice_SOURCES = \
	tools/cmd-exec.c \
	tools/disk-arg.c \
	tools/disk-arg.h \
	tools/sluice.c \
	tools/sluice.h \
	$(NULL)
tools_sluice_LDADD = tools/libstack.la
