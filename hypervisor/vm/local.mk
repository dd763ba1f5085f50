# SPDX-License-Identifier: MIT
# vm domains. libvm: memory and hypercalls, which know no KVM; tests and the fuzzer link it alone.
noinst_LTLIBRARIES += hypervisor/vm/libvm.la
hypervisor_vm_libvm_la_SOURCES = \
	hypervisor/vm/cpuid.c \
	hypervisor/vm/guest.c \
	hypervisor/vm/hc-32bit.c \
	hypervisor/vm/hc-console.c \
	hypervisor/vm/hc-event.c \
	hypervisor/vm/hc-grant-map.c \
	hypervisor/vm/hc-grant.c \
	hypervisor/vm/hc-grant.h \
	hypervisor/vm/hc-hvm.c \
	hypervisor/vm/hc-memory.c \
	hypervisor/vm/hc-memory.h \
	hypervisor/vm/hc-sched.c \
	hypervisor/vm/hc-timer.c \
	hypervisor/vm/hc-timer.h \
	hypervisor/vm/hc-vcpu.c \
	hypervisor/vm/hc-version.c \
	hypervisor/vm/hypercall.c \
	hypervisor/vm/layout.h \
	hypervisor/vm/memory-budget.c \
	hypervisor/vm/memory-exchange.c \
	hypervisor/vm/memory-private.h \
	hypervisor/vm/memory.c \
	hypervisor/vm/memory.h \
	hypervisor/vm/vm.c \
	hypervisor/vm/vm.h \
	$(NULL)

# KVM, and the arenas of pages granted to process domains.
hypervisor_sluice_hypervisor_SOURCES += \
	hypervisor/build/rewrite.c \
	hypervisor/build/rewrite.h \
	hypervisor/vm/arena.c \
	hypervisor/vm/arena.h \
	hypervisor/vm/kvm-build.c \
	hypervisor/vm/kvm-cpuid.c \
	hypervisor/vm/kvm-kernel.c \
	hypervisor/vm/kvm-life.c \
	hypervisor/vm/kvm-machine.c \
	hypervisor/vm/kvm-platform.c \
	hypervisor/vm/kvm-private.h \
	hypervisor/vm/kvm-thread.c \
	hypervisor/vm/kvm-vm.c \
	hypervisor/vm/kvm.c \
	hypervisor/vm/kvm.h \
	hypervisor/vm/vcpu-exit.c \
	hypervisor/vm/vcpu.c \
	$(NULL)

# What KVM is told, without KVM.
if HAVE_CMOCKA
check_PROGRAMS += tests/unit/kvm-cpuid
TESTS += tests/unit/kvm-cpuid
tests_unit_kvm_cpuid_SOURCES = tests/unit/kvm-cpuid.c hypervisor/vm/kvm-cpuid.c
tests_unit_kvm_cpuid_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_kvm_cpuid_LDADD = $(CMOCKA_LIBS)
endif

# The hypercall layer on a machine that is not there.
if HAVE_CMOCKA
vm_call_tests = \
	tests/unit/vm-calls \
	tests/unit/vm-calls-32bit \
	tests/unit/vm-events \
	tests/unit/vm-memory-calls \
	tests/unit/vm-stress \
	tests/unit/vm-timers \
	tests/unit/vm-vcpu \
	$(NULL)
check_PROGRAMS += $(vm_call_tests)
TESTS += $(vm_call_tests)
vm_fake = tests/unit/vm-fake.c tests/unit/vm-fake.h
vm_ldadd = hypervisor/vm/libvm.la hypervisor/libhvstate.la common/libcommon.la $(CMOCKA_LIBS)
tests_unit_vm_calls_SOURCES = tests/unit/vm-calls.c $(vm_fake)
tests_unit_vm_calls_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_vm_calls_LDADD = $(vm_ldadd)
tests_unit_vm_calls_32bit_SOURCES = tests/unit/vm-calls-32bit.c $(vm_fake)
tests_unit_vm_calls_32bit_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_vm_calls_32bit_LDADD = $(vm_ldadd)
tests_unit_vm_events_SOURCES = tests/unit/vm-events.c $(vm_fake)
tests_unit_vm_events_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_vm_events_LDADD = $(vm_ldadd)
tests_unit_vm_memory_calls_SOURCES = tests/unit/vm-memory-calls.c $(vm_fake)
tests_unit_vm_memory_calls_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_vm_memory_calls_LDADD = $(vm_ldadd)
tests_unit_vm_stress_SOURCES = tests/unit/vm-stress.c $(vm_fake)
tests_unit_vm_stress_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_vm_stress_LDADD = $(vm_ldadd)
tests_unit_vm_timers_SOURCES = tests/unit/vm-timers.c $(vm_fake)
tests_unit_vm_timers_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_vm_timers_LDADD = $(vm_ldadd)
tests_unit_vm_vcpu_SOURCES = tests/unit/vm-vcpu.c $(vm_fake)
tests_unit_vm_vcpu_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_vm_vcpu_LDADD = $(vm_ldadd)
endif

# Also with the inputs that make check has for each fuzz target; see tests/fuzz/README.md.
check_PROGRAMS += tests/fuzz/fuzz-hypercall
TESTS += tests/fuzz/fuzz-hypercall
tests_fuzz_fuzz_hypercall_SOURCES = \
	tests/fuzz/fuzz-hypercall-args.c \
	tests/fuzz/fuzz-hypercall.c \
	tests/fuzz/fuzz-hypercall.h \
	tests/fuzz/standalone.c \
	tests/unit/vm-fake.c \
	tests/unit/vm-fake.h \
	$(NULL)
tests_fuzz_fuzz_hypercall_LDADD = \
	hypervisor/vm/libvm.la \
	hypervisor/libhvstate.la \
	common/libcommon.la \
	$(NULL)

# Memory and grants of vms: their rules, and what hostile guests and mappers do about them.
if HAVE_CMOCKA
vm_memory_tests = tests/unit/arena tests/unit/channel-vm tests/unit/grant-pair \
	tests/unit/grant-vm \
	tests/unit/grant-vm-calls \
	tests/unit/memory tests/unit/memory-lend
check_PROGRAMS += $(vm_memory_tests)
TESTS += $(vm_memory_tests)
tests_unit_arena_SOURCES = hypervisor/vm/arena.c tests/unit/arena.c $(vm_fake)
tests_unit_arena_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_arena_LDADD = $(vm_ldadd)
pair_rig = \
	hypervisor/process/channel.c \
	hypervisor/process/conn-copy.c \
	hypervisor/process/conn-event.c \
	hypervisor/process/conn-map.c \
	hypervisor/process/conn-share.c \
	hypervisor/process/conn.c \
	hypervisor/process/memfd.c \
	hypervisor/process/notify.c \
	hypervisor/process/pdomain.c \
	hypervisor/process/server.c \
	hypervisor/vm/arena.c \
	tests/unit/pair-rig.c \
	tests/unit/pair-rig.h \
	$(vm_fake)
tests_unit_channel_vm_SOURCES = tests/unit/channel-vm.c $(pair_rig)
tests_unit_channel_vm_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_channel_vm_LDADD = $(vm_ldadd)
tests_unit_grant_pair_SOURCES = tests/unit/grant-pair.c $(pair_rig)
tests_unit_grant_pair_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_grant_pair_LDADD = $(vm_ldadd)
grant_vm_rig = tests/unit/grant-vm-rig.c tests/unit/grant-vm-rig.h $(vm_fake)
tests_unit_grant_vm_SOURCES = tests/unit/grant-vm.c $(grant_vm_rig)
tests_unit_grant_vm_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_grant_vm_LDADD = $(vm_ldadd)
tests_unit_grant_vm_calls_SOURCES = tests/unit/grant-vm-calls.c $(grant_vm_rig)
tests_unit_grant_vm_calls_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_grant_vm_calls_LDADD = $(vm_ldadd)
memory_rig = tests/unit/memory-rig.c tests/unit/memory-rig.h
tests_unit_memory_SOURCES = tests/unit/memory.c $(memory_rig)
tests_unit_memory_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_memory_LDADD = $(vm_ldadd)
tests_unit_memory_lend_SOURCES = tests/unit/memory-lend.c $(memory_rig)
tests_unit_memory_lend_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_memory_lend_LDADD = $(vm_ldadd)
endif
