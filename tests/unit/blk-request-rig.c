// SPDX-License-Identifier: MIT
#include "config.h"
#include "tests/unit/blk-request-rig.h"

struct mem_driver mem;
struct rig rig;

void start_ring(struct rig_options o)
{
	if (!o.driver) {
		o.driver = &mem_driver;
		o.driver_state = &mem;
	}
	rig_start(&rig, &o);
}

void stop_clean(void)
{
	assert_null(rig_stop(&rig));
}

int request_setup(void **state)
{
	fake_reset();
	mem_driver_init(&mem);
	return 0;
}

int request_teardown(void **state)
{
	struct fake_counts n = fake_counts();

	mem_driver_fini(&mem);
	assert_int_equal(n.mapped, 0);
	assert_int_equal(n.bound, 0);
	assert_int_equal(n.open_handles, 0);
	return 0;
}
