# SPDX-License-Identifier: MIT
# Stock guests on a Debian host with KVM, under QEMU's emulation: 'make check-kvm'.
kvm_lab_tests = \
	tests/lab/kvm/test-boot-6.1.sh \
	tests/lab/kvm/test-boot-6.12.sh \
	tests/lab/kvm/test-cpus.sh \
	tests/lab/kvm/test-driver-kernel.sh \
	tests/lab/kvm/test-driver-sluice.sh \
	tests/lab/kvm/test-formats.sh \
	tests/lab/kvm/test-grub-6.1.sh \
	tests/lab/kvm/test-grub-6.12.sh \
	tests/lab/kvm/test-life.sh \
	tests/lab/kvm/test-lvm.sh \
	tests/lab/kvm/test-lvm-conform.sh \
	tests/lab/kvm/test-net.sh \
	tests/lab/kvm/test-net-long.sh \
	tests/lab/kvm/test-net-user.sh \
	tests/lab/kvm/test-net-vm.sh \
	tests/lab/kvm/test-plug.sh \
	tests/lab/kvm/test-process.sh \
	tests/lab/kvm/test-survive.sh \
	$(NULL)
dist_noinst_SCRIPTS += $(kvm_lab_tests) \
	tests/lab/kvm/bench.sh \
	tests/lab/kvm/build.sh \
	tests/lab/kvm/demo.sh \
	tests/lab/kvm/run.sh \
	tests/lab/kvm/test-puppets.sh \
	$(NULL)
EXTRA_DIST += \
	tests/lab/common.sh \
	tests/lab/debian.sh \
	tests/lab/emulate.sh \
	tests/lab/inside.sh \
	tests/lab/kvm/README.md \
	tests/lab/kvm/bench-guest.sh \
	tests/lab/kvm/bench-host.sh \
	tests/lab/kvm/boot-guest.sh \
	tests/lab/kvm/boot-host.sh \
	tests/lab/kvm/boot.sh \
	tests/lab/kvm/cpus-guest.sh \
	tests/lab/kvm/cpus-host.sh \
	tests/lab/kvm/demo-guest.sh \
	tests/lab/kvm/demo-host.sh \
	tests/lab/kvm/driver-driver.sh \
	tests/lab/kvm/driver-host.sh \
	tests/lab/kvm/formats-guest.sh \
	tests/lab/kvm/formats-host.sh \
	tests/lab/kvm/functions.sh \
	tests/lab/kvm/grub-host.sh \
	tests/lab/kvm/grub.sh \
	tests/lab/kvm/init \
	tests/lab/kvm/lib.sh \
	tests/lab/kvm/life-guest.sh \
	tests/lab/kvm/life-host.sh \
	tests/lab/kvm/lvm-conform-host.sh \
	tests/lab/kvm/lvm-host.sh \
	tests/lab/kvm/lvm.sh \
	tests/lab/kvm/net-driver.sh \
	tests/lab/kvm/net-guest.sh \
	tests/lab/kvm/net-host.sh \
	tests/lab/kvm/net-lib.sh \
	tests/lab/kvm/net-user-guest.sh \
	tests/lab/kvm/net-user-host.sh \
	tests/lab/kvm/net-vm-host.sh \
	tests/lab/kvm/net.sh \
	tests/lab/kvm/plug-guest.sh \
	tests/lab/kvm/plug-host.sh \
	tests/lab/kvm/process-guest.sh \
	tests/lab/kvm/process-host.sh \
	tests/lab/kvm/puppets-host.sh \
	tests/lab/kvm/survive-guest.sh \
	tests/lab/kvm/survive-host.sh \
	$(NULL)

if HYPERVISOR
# Says whether /dev/kvm runs guests natively; ./run asks it, too.
noinst_PROGRAMS += tests/lab/kvm/kvm-probe

# The shortest is part of make check.
TESTS += tests/lab/kvm/test-boot-6.1.sh
endif

# One at a time: emulation takes a whole core, and the lab's lock would make others wait.
check-kvm: all tests/peers/blk-conform tests/peers/blk-direct tests/peers/blk-survivor tests/unit/driverd-introduce
	$(MAKE) $(AM_MAKEFLAGS) -j1 check-TESTS TESTS='$(kvm_lab_tests)' TEST_SUITE_LOG=check-kvm.log \
		check_PROGRAMS= check_LTLIBRARIES= dist_check_SCRIPTS=
# All that takes long.
check-long: check-kvm check-xen
.PHONY: check-kvm check-long
# The lab's parts, made from Debian's packages at the first run.
clean-local-kvm-lab:
	rm -rf lab/kvm
clean-local: clean-local-kvm-lab
