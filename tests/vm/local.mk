# SPDX-License-Identifier: MIT
# vm domains proved from inside, on a real hypervisor and KVM: a guest of our own that does
# what the test tells it. Skipped where there is no KVM.
if HAVE_CMOCKA
vm_guest_sources = \
	tests/vm/guest/entry.S \
	tests/vm/guest/events.c \
	tests/vm/guest/main.c \
	tests/vm/guest/ops.c \
	tests/vm/guest/traps.c \
	$(NULL)
vm_guest_headers = \
	tests/vm/guest-abi.h \
	tests/vm/guest/guest.h \
	tests/vm/guest/guest.lds \
	$(NULL)
EXTRA_DIST += $(vm_guest_sources) $(vm_guest_headers)
CLEANFILES += tests/vm/guest.bin

# Not the build's own flags: no library, no sanitizer, no register that a kernel must save.
vm_guest_flags = -std=gnu11 -O2 -g0 $(WARN_CFLAGS) -m64 -ffreestanding -fno-pic -fno-pie \
	-mno-red-zone -mgeneral-regs-only -fno-stack-protector -fcf-protection=none \
	-fno-asynchronous-unwind-tables -fno-strict-aliasing
tests/vm/guest.bin: $(vm_guest_sources) $(vm_guest_headers)
	$(AM_V_GEN)$(MKDIR_P) $(@D) && \
	sources=; for f in $(vm_guest_sources); do sources="$$sources $(srcdir)/$$f"; done; \
	$(CC) $(AM_CPPFLAGS) -I$(top_builddir) $(vm_guest_flags) -nostdlib -static -no-pie \
		-Wl,-T,$(srcdir)/tests/vm/guest/guest.lds -Wl,--build-id=none \
		-Wl,--oformat=binary -o $@ $$sources

vm_tests = \
	tests/vm/vm-confine \
	tests/vm/vm-event \
	tests/vm/vm-event-many \
	tests/vm/vm-grant \
	tests/vm/vm-grant-hostile \
	tests/vm/vm-hypercall \
	tests/vm/vm-kernel \
	tests/vm/vm-life \
	tests/vm/vm-memory \
	tests/vm/vm-pair \
	tests/vm/vm-smp \
	$(NULL)
check_PROGRAMS += $(vm_tests)
TESTS += $(vm_tests)
check_LTLIBRARIES += tests/vm/libvmtest.la
tests_vm_libvmtest_la_SOURCES = \
	tests/unit/hv-harness.c \
	tests/unit/hv-harness.h \
	tests/vm/vm-calls.c \
	tests/vm/vm-harness.c \
	tests/vm/vm-harness.h \
	$(NULL)
tests_vm_libvmtest_la_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS) \
	-DGUEST_IMAGE_FILE='"tests/vm/guest.bin"'
# The image is assembled into the object. By a variable: automake would take a rule that names
# the object for one of our own that makes it.
vm_guest_user = tests/vm/libvmtest_la-vm-harness.lo
$(vm_guest_user): tests/vm/guest.bin
vm_test_cppflags = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
vm_test_ldadd = tests/vm/libvmtest.la $(hv_process_ldadd)

tests_vm_vm_confine_SOURCES = tests/vm/vm-confine.c $(hv_puppet)
tests_vm_vm_confine_CPPFLAGS = $(vm_test_cppflags)
tests_vm_vm_confine_LDADD = $(vm_test_ldadd)
tests_vm_vm_event_SOURCES = tests/vm/vm-event.c
tests_vm_vm_event_CPPFLAGS = $(vm_test_cppflags)
tests_vm_vm_event_LDADD = $(vm_test_ldadd)
tests_vm_vm_event_many_SOURCES = tests/vm/vm-event-many.c
tests_vm_vm_event_many_CPPFLAGS = $(vm_test_cppflags)
tests_vm_vm_event_many_LDADD = $(vm_test_ldadd)
tests_vm_vm_grant_SOURCES = tests/vm/vm-grant.c
tests_vm_vm_grant_CPPFLAGS = $(vm_test_cppflags)
tests_vm_vm_grant_LDADD = $(vm_test_ldadd)
tests_vm_vm_grant_hostile_SOURCES = tests/vm/vm-grant-hostile.c
tests_vm_vm_grant_hostile_CPPFLAGS = $(vm_test_cppflags)
tests_vm_vm_grant_hostile_LDADD = $(vm_test_ldadd)
tests_vm_vm_hypercall_SOURCES = tests/vm/vm-hypercall.c
tests_vm_vm_hypercall_CPPFLAGS = $(vm_test_cppflags)
tests_vm_vm_hypercall_LDADD = $(vm_test_ldadd)
tests_vm_vm_kernel_SOURCES = tests/vm/vm-kernel.c
tests_vm_vm_kernel_CPPFLAGS = $(vm_test_cppflags)
tests_vm_vm_kernel_LDADD = $(vm_test_ldadd)
tests_vm_vm_life_SOURCES = tests/vm/vm-life.c
tests_vm_vm_life_CPPFLAGS = $(vm_test_cppflags)
tests_vm_vm_life_LDADD = $(vm_test_ldadd)
tests_vm_vm_memory_SOURCES = tests/vm/vm-memory.c
tests_vm_vm_memory_CPPFLAGS = $(vm_test_cppflags)
tests_vm_vm_memory_LDADD = $(vm_test_ldadd)
tests_vm_vm_pair_SOURCES = tests/vm/vm-pair.c
tests_vm_vm_pair_CPPFLAGS = $(vm_test_cppflags)
tests_vm_vm_pair_LDADD = $(vm_test_ldadd)
tests_vm_vm_smp_SOURCES = tests/vm/vm-smp.c
tests_vm_vm_smp_CPPFLAGS = $(vm_test_cppflags)
tests_vm_vm_smp_LDADD = $(vm_test_ldadd)
endif
