// SPDX-License-Identifier: MIT
/* Hotplug scripts: which are run and with what, and the device machine with them. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "drivers-domain/device.h"
#include "drivers-domain/script.h"

static const struct device_view gone = { .exists = false };

static struct device_view leaf(int state, bool online, enum device_script script, bool first)
{
	return (struct device_view){ .exists = true, .valid = true, .online = online, .state = state,
		.script = script, .script_first = first };
}

/* --- the machine ------------------------------------------------------------------------- */

static void test_a_disks_script_comes_before_its_backend(void **state)
{
	struct device d = { 0 };
	struct device_view v = leaf(1, true, DEVICE_SCRIPT_DOWN, true);

	assert_int_equal(device_leaf(&d, &v, 1000), DEVICE_DO_SCRIPT_UP);
	assert_false(device_has_process(&d));
	v.script = DEVICE_SCRIPT_BUSY;
	assert_int_equal(device_leaf(&d, &v, 1100), 0);
	v.script = DEVICE_SCRIPT_UP;
	assert_int_equal(device_script_ended(&d, true, true, &v, 1200), DEVICE_DO_SPAWN);
	assert_true(device_has_process(&d));
}

static void test_a_slow_script_does_not_make_libxl_wait(void **state)
{
	struct device d = { 0 };
	struct device_view v = leaf(1, true, DEVICE_SCRIPT_DOWN, true);

	(void)device_leaf(&d, &v, 1000);
	assert_int_equal(d.deadline_ms, 1000 + DEVICE_INITWAIT_MS);
	v.script = DEVICE_SCRIPT_BUSY;
	assert_int_equal(device_timer(&d, &v, d.deadline_ms), DEVICE_DO_INITWAIT);
	assert_int_equal(d.deadline_ms, 0);
	v = leaf(2, true, DEVICE_SCRIPT_UP, true);
	assert_int_equal(device_script_ended(&d, true, true, &v, 9000), DEVICE_DO_SPAWN);
}

static void test_a_networks_script_comes_after_its_backend(void **state)
{
	struct device d = { 0 };
	struct device_view v = leaf(1, true, DEVICE_SCRIPT_DOWN, false);

	assert_int_equal(device_leaf(&d, &v, 1000), DEVICE_DO_SPAWN);
	assert_int_equal(device_leaf(&d, &v, 1001), 0);
	(void)device_ready(&d);
	v.state = 2;
	assert_int_equal(device_leaf(&d, &v, 1002), DEVICE_DO_SCRIPT_UP);
	v.script = DEVICE_SCRIPT_BUSY;
	assert_int_equal(device_leaf(&d, &v, 1003), 0);
	v.script = DEVICE_SCRIPT_UP;
	assert_int_equal(device_script_ended(&d, true, true, &v, 1100), 0);
	assert_int_equal(device_leaf(&d, &v, 1101), 0);
}

static void test_a_networks_script_is_undone_before_the_next_backend(void **state)
{
	struct device d = { 0 };
	struct device_view v = leaf(1, true, DEVICE_SCRIPT_DOWN, false);

	(void)device_leaf(&d, &v, 1000);
	(void)device_ready(&d);
	v = leaf(4, true, DEVICE_SCRIPT_UP, false);
	assert_int_equal(device_exited(&d, DEVICE_EXIT_CRASH, &v, 9000), DEVICE_DO_REPORT_CRASH);
	assert_int_equal(device_timer(&d, &v, 9000), DEVICE_DO_SCRIPT_DOWN);
	v.script = DEVICE_SCRIPT_DOWN;
	assert_int_equal(device_script_ended(&d, false, false, &v, 9100), DEVICE_DO_SPAWN);
}

static void test_a_disks_script_outlives_a_crash(void **state)
{
	struct device d = { 0 };
	struct device_view v = leaf(1, true, DEVICE_SCRIPT_UP, true);

	assert_int_equal(device_leaf(&d, &v, 1000), DEVICE_DO_SPAWN);
	(void)device_ready(&d);
	v.state = 4;
	(void)device_exited(&d, DEVICE_EXIT_CRASH, &v, 9000);
	assert_int_equal(device_timer(&d, &v, 9000), DEVICE_DO_SPAWN);
}

static void test_a_failed_script_is_undone_and_not_repeated(void **state)
{
	struct device d = { 0 };
	struct device_view v = leaf(1, true, DEVICE_SCRIPT_DOWN, true);

	(void)device_leaf(&d, &v, 1000);
	v.script = DEVICE_SCRIPT_DIRTY;
	assert_int_equal(device_script_ended(&d, true, false, &v, 1100), DEVICE_DO_REPORT_SCRIPT |
		DEVICE_DO_REMEMBER | DEVICE_DO_CLOSE | DEVICE_DO_SCRIPT_DOWN);
	assert_int_equal(d.phase, DEVICE_FAILED);
	v = leaf(6, true, DEVICE_SCRIPT_DOWN, true);
	assert_int_equal(device_script_ended(&d, false, true, &v, 1200), 0);
	assert_int_equal(device_leaf(&d, &v, 1300), 0);
	assert_int_equal(device_retry(&d, &v, 1400), DEVICE_DO_SCRIPT_UP);
}

static void test_a_networks_failed_script_ends_the_backend(void **state)
{
	struct device d = { 0 };
	struct device_view v = leaf(2, true, DEVICE_SCRIPT_DIRTY, false);

	d.phase = DEVICE_RUNNING;
	assert_int_equal(device_script_ended(&d, true, false, &v, 1100),
		DEVICE_DO_REPORT_SCRIPT | DEVICE_DO_TERM);
	v.state = 6;
	assert_int_equal(device_exited(&d, DEVICE_EXIT_CLEAN, &v, 1200),
		DEVICE_DO_REMEMBER | DEVICE_DO_SCRIPT_DOWN);
	assert_int_equal(d.phase, DEVICE_FAILED);
}

static void test_removal_takes_down_and_dwells(void **state)
{
	struct device d = { .phase = DEVICE_RUNNING };
	struct device_view v = leaf(6, false, DEVICE_SCRIPT_UP, true);

	assert_int_equal(device_exited(&d, DEVICE_EXIT_CLEAN, &v, 1000),
		DEVICE_DO_CLEAN | DEVICE_DO_SCRIPT_DOWN);
	/* The nodes stay while the script needs them. */
	v.script = DEVICE_SCRIPT_BUSY;
	assert_int_equal(device_timer(&d, &v, 1000 + DEVICE_DWELL_MS), 0);
	v.script = DEVICE_SCRIPT_DOWN;
	assert_int_equal(device_script_ended(&d, false, true, &v, 9000),
		DEVICE_DO_DELETE | DEVICE_DO_FORGET);
}

static void test_removal_kills_a_script_that_sets_up(void **state)
{
	struct device d = { 0 };
	struct device_view v = leaf(1, true, DEVICE_SCRIPT_DOWN, true);

	(void)device_leaf(&d, &v, 1000);
	v = leaf(5, false, DEVICE_SCRIPT_BUSY, true);
	assert_int_equal(device_leaf(&d, &v, 1100),
		DEVICE_DO_CLEAN | DEVICE_DO_CLOSE | DEVICE_DO_SCRIPT_KILL);
	v = leaf(6, false, DEVICE_SCRIPT_DIRTY, true);
	assert_int_equal(device_script_ended(&d, true, false, &v, 1200), DEVICE_DO_SCRIPT_DOWN);
	v.script = DEVICE_SCRIPT_DOWN;
	assert_int_equal(device_script_ended(&d, false, true, &v, 1300), 0);
	assert_int_equal(device_timer(&d, &v, 1100 + DEVICE_DWELL_MS),
		DEVICE_DO_DELETE | DEVICE_DO_FORGET);
}

/* Its predecessor's script was killed: that is no failure of the new one. */
static void test_a_device_made_anew_while_a_script_is_killed(void **state)
{
	struct device d = { 0 };
	struct device_view v = leaf(1, true, DEVICE_SCRIPT_DOWN, true), none = gone;

	(void)device_leaf(&d, &v, 1000);
	none.script = DEVICE_SCRIPT_BUSY;
	assert_int_equal(device_leaf(&d, &none, 1100), DEVICE_DO_SCRIPT_KILL);
	v.script = DEVICE_SCRIPT_BUSY;
	assert_int_equal(device_leaf(&d, &v, 1200), 0);
	v.script = DEVICE_SCRIPT_DIRTY;
	assert_int_equal(device_script_ended(&d, true, false, &v, 1300), DEVICE_DO_SCRIPT_DOWN);
	v.script = DEVICE_SCRIPT_DOWN;
	assert_int_equal(device_script_ended(&d, false, true, &v, 1400), DEVICE_DO_SCRIPT_UP);
	/* Its own failure counts. */
	v.script = DEVICE_SCRIPT_DIRTY;
	assert_int_equal(device_script_ended(&d, true, false, &v, 1500), DEVICE_DO_REPORT_SCRIPT |
		DEVICE_DO_REMEMBER | DEVICE_DO_CLOSE | DEVICE_DO_SCRIPT_DOWN);
}

static void test_a_device_taken_back_while_a_script_is_killed(void **state)
{
	struct device d = { 0 };
	struct device_view v = leaf(1, true, DEVICE_SCRIPT_DOWN, true);

	(void)device_leaf(&d, &v, 1000);
	v = leaf(5, false, DEVICE_SCRIPT_BUSY, true);
	(void)device_leaf(&d, &v, 1100);
	assert_int_equal(d.phase, DEVICE_DWELL);
	v = leaf(1, true, DEVICE_SCRIPT_BUSY, true);
	assert_int_equal(device_leaf(&d, &v, 1200), 0);
	/* A format server has left nothing. */
	v.script = DEVICE_SCRIPT_DOWN;
	assert_int_equal(device_script_ended(&d, true, false, &v, 1300), DEVICE_DO_SCRIPT_UP);
}

static void test_what_a_vanished_device_set_up_is_taken_down(void **state)
{
	struct device d = { 0 };
	struct device_view v = gone;

	v.script = DEVICE_SCRIPT_DIRTY;
	assert_int_equal(device_leaf(&d, &v, 1000), DEVICE_DO_SCRIPT_DOWN);
	v.script = DEVICE_SCRIPT_DOWN;
	assert_int_equal(device_script_ended(&d, false, false, &v, 1100),
		DEVICE_DO_CLEAN | DEVICE_DO_FORGET);
}

static void test_a_device_made_anew_is_set_up_anew(void **state)
{
	struct device d = { .phase = DEVICE_RUNNING };
	struct device_view v = leaf(1, true, DEVICE_SCRIPT_UP, true);

	assert_int_equal(device_leaf(&d, &v, 1000), DEVICE_DO_TERM);
	assert_int_equal(device_exited(&d, DEVICE_EXIT_CLEAN, &v, 1100),
		DEVICE_DO_CLEAN | DEVICE_DO_SCRIPT_DOWN);
	v.script = DEVICE_SCRIPT_DOWN;
	assert_int_equal(device_script_ended(&d, false, true, &v, 1200), DEVICE_DO_SCRIPT_UP);
}

/* What the caller does with a script, and what ends by chance. */
struct walk {
	struct device d;
	bool process, up;
	enum device_script script;
	bool first;
};

static void walk_do(struct walk *w, unsigned todo)
{
	if (todo & (DEVICE_DO_SCRIPT_UP | DEVICE_DO_SCRIPT_DOWN)) {
		assert_int_not_equal(w->script, DEVICE_SCRIPT_BUSY);
		w->up = !(todo & DEVICE_DO_SCRIPT_DOWN);
		w->script = DEVICE_SCRIPT_BUSY;
	}
	if (todo & DEVICE_DO_SPAWN) {
		assert_false(w->process);
		assert_true(w->script == DEVICE_SCRIPT_NONE ||
			w->script == (w->first ? DEVICE_SCRIPT_UP : DEVICE_SCRIPT_DOWN));
		w->process = true;
	}
	assert_int_equal(device_has_process(&w->d), w->process);
	if (!(todo & DEVICE_DO_FORGET))
		return;
	/* Nothing of it may be left behind. */
	assert_true(w->script == DEVICE_SCRIPT_NONE || w->script == DEVICE_SCRIPT_DOWN);
	w->d = (struct device){ 0 };
	w->script = DEVICE_SCRIPT_DOWN;
}

static unsigned walk_step(struct walk *w, struct device_view *v, unsigned r, uint64_t now)
{
	if (w->script == DEVICE_SCRIPT_BUSY && r % 4 == 0) {
		bool ok = r % 3 != 0;

		w->script = !w->up ? DEVICE_SCRIPT_DOWN : ok ? DEVICE_SCRIPT_UP : DEVICE_SCRIPT_DIRTY;
		v->script = w->script;
		return device_script_ended(&w->d, w->up, ok, v, now);
	}
	if (w->process && r % 11 == 0) {
		w->process = false;
		return device_exited(&w->d, r / 16 % 3, v, now);
	}
	if (w->process && r % 11 == 1)
		return device_ready(&w->d);
	if (w->d.deadline_ms && now >= w->d.deadline_ms)
		return device_timer(&w->d, v, now);
	return r % 13 == 0 ? device_retry(&w->d, v, now) : device_leaf(&w->d, v, now);
}

static void test_any_order_of_events(void **state)
{
	uint64_t now = 1000;
	unsigned seed = 1, scripts = 0;

	for (int round = 0; round < 2; round++) {
		struct walk w = { .script = DEVICE_SCRIPT_DOWN, .first = round == 0 };

		for (int i = 0; i < 200000; i++) {
			struct device_view v;
			unsigned r, todo;

			seed = seed * 1103515245u + 12345u;
			r = seed >> 16;
			now += r % 700;
			v = (struct device_view){ .exists = r % 9 != 0, .valid = r % 7 != 0,
				.online = r % 3 != 0, .changed = r % 2 != 0,
				.state = (int)(r / 8 % 9), .script = w.script,
				.script_first = w.first };
			todo = walk_step(&w, &v, r, now);
			scripts += (todo & DEVICE_DO_SCRIPT_UP) != 0;
			walk_do(&w, todo);
		}
	}
	assert_true(scripts > 1000);
}

/* --- which, and with what ---------------------------------------------------------------- */

static void test_which_scripts_are_run(void **state)
{
	assert_int_equal(script_use("vbd", NULL), SCRIPT_IGNORED);
	assert_int_equal(script_use("vbd", "/etc/xen/scripts/block"), SCRIPT_NATIVE);
	assert_int_equal(script_use("vbd", "/etc/xen/scripts/block-iscsi"), SCRIPT_BEFORE);
	assert_int_equal(script_use("vbd", "/etc/xen/scripts/myblock"), SCRIPT_BEFORE);
	assert_int_equal(script_use("qdisk", "/etc/xen/scripts/block-iscsi"), SCRIPT_IGNORED);
	assert_int_equal(script_use("console", "/etc/xen/scripts/x"), SCRIPT_IGNORED);
	assert_int_equal(script_use("vif", NULL), SCRIPT_IGNORED);
	assert_int_equal(script_use("vif", "/etc/xen/scripts/vif-bridge"), SCRIPT_AFTER);
}

static void test_paths_that_are_refused(void **state)
{
	static const char *const bad[] = { "", "/", "/s", "/s/", "/s/a/b", "/s/../b", "/s/..", "/s/.",
		"/s/.b", "/sx/b", "s/b", "/t/b", "/s//b", "/s/a b", "/s/a;b", "/s/a\nb", "/s/a\xc3\xa4" };
	char why[256];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		why[0] = '\0';
		assert_int_equal(script_check(bad[i], "/s", why, sizeof(why)), -EPERM);
		assert_true(why[0]);
	}
	assert_int_equal(script_check("/s/block-iscsi", "/s", why, sizeof(why)), 0);
	assert_int_equal(script_check("/s/B_2.sh+x", "/s", why, sizeof(why)), 0);
}

static bool has(char **env, const char *want)
{
	for (; *env; env++)
		if (strcmp(*env, want) == 0)
			return true;
	return false;
}

static void test_environment(void **state)
{
	static char path[] = "PATH=/bin", secret[] = "SLUICE_HYPERVISOR=/secret", vif[] = "vif=mine",
		xenbus[] = "XENBUS_PATH=/x";
	char *base[] = { path, secret, vif, xenbus, NULL };
	struct leaf_name name = { .kind = "vif", .frontend = 5, .devid = 2 };
	struct script_device v = { &name, "backend/vif/5/2", "/s/x", "eth0", "vif_ioemu" };
	char **env = script_environment(base, &v);
	unsigned n = 0;

	assert_non_null(env);
	assert_true(has(env, "PATH=/bin"));
	assert_true(has(env, "script=/s/x"));
	assert_true(has(env, "XENBUS_TYPE=vif"));
	assert_true(has(env, "XENBUS_PATH=backend/vif/5/2"));
	assert_true(has(env, "XENBUS_BASE_PATH=backend"));
	assert_true(has(env, "netdev=eth0"));
	assert_true(has(env, "vif=vif5.2"));
	assert_true(has(env, "INTERFACE=vif5.2-emu"));
	while (env[n])
		n++;
	assert_int_equal(n, 8);
	free(env);
}

/* As long as the store lets it be. */
static void test_environment_of_long_values(void **state)
{
	static char script[2049], gateway[2049], leaf_path[65];
	char *base[] = { NULL };
	struct leaf_name name = { .kind = "vif", .frontend = 0x7fef, .devid = 0x7fffffff };
	struct script_device v = { &name, leaf_path, script, gateway, "vif_ioemu" };
	char **env;

	memset(script, 's', sizeof(script) - 1);
	memset(gateway, 'g', sizeof(gateway) - 1);
	memset(leaf_path, 'l', sizeof(leaf_path) - 1);
	env = script_environment(base, &v);
	assert_non_null(env);
	assert_int_equal(strlen(env[0]), strlen("script=") + 2048);
	assert_true(has(env, "INTERFACE=vif32751.2147483647-emu"));
	free(env);
}

static void test_environment_of_a_disk(void **state)
{
	char *base[] = { NULL };
	struct leaf_name name = { .kind = "vbd", .frontend = 5, .devid = 51712 };
	struct script_device v = { &name, "backend/vbd/5/51712", "/s/x", NULL, "phy" };
	char **env = script_environment(base, &v);

	assert_non_null(env);
	assert_true(has(env, "XENBUS_TYPE=vbd"));
	assert_null(env[4]);
	free(env);
}

static void test_arguments(void **state)
{
	assert_string_equal(script_arguments(SCRIPT_AFTER, true)[0], "online");
	assert_string_equal(script_arguments(SCRIPT_AFTER, true)[1], "type_if=vif");
	assert_null(script_arguments(SCRIPT_AFTER, true)[2]);
	assert_string_equal(script_arguments(SCRIPT_AFTER, false)[0], "offline");
	assert_string_equal(script_arguments(SCRIPT_BEFORE, true)[0], "add");
	assert_null(script_arguments(SCRIPT_BEFORE, true)[1]);
	assert_string_equal(script_arguments(SCRIPT_BEFORE, false)[0], "remove");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_disks_script_comes_before_its_backend),
		cmocka_unit_test(test_a_slow_script_does_not_make_libxl_wait),
		cmocka_unit_test(test_a_networks_script_comes_after_its_backend),
		cmocka_unit_test(test_a_networks_script_is_undone_before_the_next_backend),
		cmocka_unit_test(test_a_disks_script_outlives_a_crash),
		cmocka_unit_test(test_a_failed_script_is_undone_and_not_repeated),
		cmocka_unit_test(test_a_networks_failed_script_ends_the_backend),
		cmocka_unit_test(test_removal_takes_down_and_dwells),
		cmocka_unit_test(test_removal_kills_a_script_that_sets_up),
		cmocka_unit_test(test_a_device_made_anew_while_a_script_is_killed),
		cmocka_unit_test(test_a_device_taken_back_while_a_script_is_killed),
		cmocka_unit_test(test_what_a_vanished_device_set_up_is_taken_down),
		cmocka_unit_test(test_a_device_made_anew_is_set_up_anew),
		cmocka_unit_test(test_any_order_of_events),
		cmocka_unit_test(test_which_scripts_are_run),
		cmocka_unit_test(test_paths_that_are_refused),
		cmocka_unit_test(test_environment),
		cmocka_unit_test(test_environment_of_long_values),
		cmocka_unit_test(test_environment_of_a_disk),
		cmocka_unit_test(test_arguments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
