// SPDX-License-Identifier: MIT
/* A hypervisor whose vm runs can do no more than one without. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>

#include <cmocka.h>

#include "tests/peers/puppet.h"
#include "tests/vm/vm-harness.h"

static struct hv_world world = { .traced = true };

static void test_running_vm_gives_no_rights(void **state)
{
	struct guest g;
	struct puppet p;

#ifndef HAVE_LIBSECCOMP
	print_message("built without libseccomp\n");
	skip();
#endif
	guest_start(&g, &world, 2);
	puppet_stop(&p, world.pid);
	puppet_refused(&p);
	puppet_go(&p);
	/* It serves all the same, and makes threads. */
	assert_int_equal(guest_call(&g, 1, OP_NOP, 0, 0, 0), 0);
	guest_destroy(&g);
	guest_start(&g, &world, 1);
	guest_destroy(&g);
}

/* A test that failed must not leave the hypervisor stopped. */
static int let_go(void **state)
{
	ptrace(PTRACE_CONT, world.pid, NULL, NULL);
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_running_vm_gives_no_rights, let_go),
	};

	vm_world_start(&world, argv);
	return vm_world_stop(&world, cmocka_run_group_tests(tests, NULL, NULL));
}
